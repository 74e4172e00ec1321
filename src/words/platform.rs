//! Platforms: what an image runs on.
//!
//! image-spec, image-index.md, "platform".

use super::error::{Error, Result};
use super::json;
use super::memory::{self, Asking, asking, through_parser};
use super::piece::Text;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// The platform of an image.
///
/// As text it is `os/architecture[/variant][:os.version]`, or the JSON object
/// of the image-spec, which can say everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Platform {
    /// The CPU architecture, in Go's words: `amd64`, `arm64`.
    pub architecture: String,
    /// The operating system, in Go's words: `linux`, `windows`.
    pub os: String,
    /// The version of the operating system.
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// The features of the operating system that are required.
    #[serde(rename = "os.features", skip_serializing_if = "Option::is_none")]
    pub os_features: Option<Vec<String>>,
    /// The variant of the CPU: `v7`, `v8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// The members of a platform as a parser finds them.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    architecture: Text<'a>,
    #[serde(borrow, default)]
    os: Text<'a>,
    #[serde(borrow, rename = "os.version")]
    os_version: Option<Text<'a>>,
    #[serde(borrow, rename = "os.features", default, deserialize_with = "asking")]
    os_features: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    variant: Option<Text<'a>>,
}

impl<'de: 'a, 'a> Asking<'de> for Members<'a> {}

impl Members<'_> {
    fn keep(self) -> Result<Platform> {
        let features =
            |features: Vec<Text>| memory::try_list(features.into_iter().map(Text::into_string));
        Ok(Platform {
            architecture: self.architecture.into_string()?,
            os: self.os.into_string()?,
            os_version: self.os_version.map(Text::into_string).transpose()?,
            os_features: self.os_features.map(features).transpose()?,
            variant: self.variant.map(Text::into_string).transpose()?,
        })
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Members::deserialize(deserializer)?.keep().map_err(through_parser)
    }
}

impl Asking<'_> for Platform {}

impl Platform {
    /// Whether both name the same platform in every part; the order of features
    /// does not count, and an empty part is an absent one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.os == other.os
            && self.architecture == other.architecture
            && given(&self.variant) == given(&other.variant)
            && given(&self.os_version) == given(&other.os_version)
            && self.features() == other.features()
    }

    /// Whether an image for this platform is one that `wanted` asks for: each
    /// part that `wanted` gives must be the same here, and each feature there.
    ///
    /// The variants that are the default of their architecture (`arm64/v8`,
    /// `arm/v7`, `amd64/v1`) are the same with and without being written.
    #[must_use]
    pub fn satisfies(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (given(&wanted.variant).is_none() || self.variant() == wanted.variant())
            && (given(&wanted.os_version).is_none()
                || given(&self.os_version) == given(&wanted.os_version))
            && wanted.features().iter().all(|feature| self.features().contains(feature))
    }

    /// Checks the JSON of a platform that is to be read when it is asked for.
    pub(super) fn check(json: &str) -> serde_json::Result<()> {
        json::object::<Members>(json).map(drop)
    }

    fn is_well_formed(&self) -> bool {
        let may_be = |part: &Option<String>| {
            part.as_ref().is_none_or(|text| text.is_empty() || is_part(text))
        };
        is_part(&self.os)
            && is_part(&self.architecture)
            && may_be(&self.variant)
            && may_be(&self.os_version)
    }

    fn variant(&self) -> Option<&str> {
        given(&self.variant).or(match self.architecture.as_str() {
            "arm64" => Some("v8"),
            "arm" => Some("v7"),
            "amd64" => Some("v1"),
            _ => None,
        })
    }

    fn features(&self) -> Vec<&str> {
        let mut features: Vec<&str> =
            self.os_features.iter().flatten().map(String::as_str).collect();
        features.sort_unstable();
        features
    }
}

fn given(part: &Option<String>) -> Option<&str> {
    part.as_deref().filter(|text| !text.is_empty())
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let malformed = || {
            Error::invalid(
                "platform",
                "os/architecture[/variant][:os.version] or a JSON object",
                text,
            )
        };
        if text.starts_with('{') {
            let read = json::object(text).map_err(|error| Error::json("platform", &error));
            let platform: Self = memory::unless_refused(read)?.ok_or_else(malformed)?;
            return if platform.is_well_formed() { Ok(platform) } else { Err(malformed()) };
        }
        let (names, os_version) = match text.split_once(':') {
            Some((names, version)) => (names, Some(version)),
            None => (text, None),
        };
        let parts = memory::list(names.split('/'))?;
        if parts.iter().chain(&os_version).any(|part| !is_part(part)) {
            return Err(malformed());
        }
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(malformed()),
        };
        Ok(Self {
            os: memory::owned(os)?,
            architecture: memory::owned(architecture)?,
            variant: variant.copied().map(memory::owned).transpose()?,
            os_version: os_version.map(memory::owned).transpose()?,
            os_features: None,
        })
    }
}

fn is_part(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if let Some(variant) = given(&self.variant) {
            write!(f, "/{variant}")?;
        }
        if let Some(version) = given(&self.os_version) {
            write!(f, ":{version}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().expect(text)
    }

    #[test]
    fn text_forms() {
        for text in
            ["linux/amd64", "linux/arm/v7", "windows/amd64:10.0.17763.1", "linux/arm64/v8:1"]
        {
            assert_eq!(platform(text).to_string(), text);
        }
        let json = platform(
            r#"{"os":"windows","architecture":"amd64","os.version":"10","os.features":["b","a"]}"#,
        );
        assert_eq!(json.to_string(), "windows/amd64:10");
        assert_eq!(json.features(), ["a", "b"]);
        for bad in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "a/b/c/d",
            "linux/amd64:",
            "linux/am d64",
            "{",
            r#"{"os":"linux"}"#,
            r#"{"os":"","architecture":"x"}"#,
        ] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_part_counts_in_sameness() {
        let plain = platform("linux/arm64");
        assert!(plain.is_same(&platform(r#"{"os":"linux","architecture":"arm64","variant":""}"#)));
        for other in ["linux/arm64/v8", "linux/arm64:1", "linux/amd64", "windows/arm64"] {
            assert!(!plain.is_same(&platform(other)), "{other}");
        }
        let one = platform(r#"{"os":"w","architecture":"a","os.features":["x","y"]}"#);
        let two = platform(r#"{"os":"w","architecture":"a","os.features":["y","x"]}"#);
        assert!(one.is_same(&two));
        assert!(!one.is_same(&platform("w/a")));
    }

    #[test]
    fn satisfying_asks_only_for_what_is_given() {
        for (have, wanted, answer) in [
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("linux/arm/v6", "linux/arm", true),
            ("linux/amd64", "linux/amd64/v3", false),
            ("windows/amd64:10", "windows/amd64", true),
            ("windows/amd64", "windows/amd64:10", false),
        ] {
            assert_eq!(platform(have).satisfies(&platform(wanted)), answer, "{have} for {wanted}");
        }
    }
}
