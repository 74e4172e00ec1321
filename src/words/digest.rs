//! Digests: the names of blobs, and the hashing that makes them.
//!
//! image-spec, descriptor.md, "Digests".

use super::error::{Error, Result, quoted};
use super::memory::{self, Asking, through_parser};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::fmt;
use std::str::FromStr;

/// A hash algorithm that this library computes.
///
/// Digests of other algorithms are carried wherever they stand, but content
/// cannot be checked against them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-256: what every tool understands.
    #[default]
    Sha256,
    /// SHA-512: registered by the image-spec, optional for readers.
    Sha512,
}

impl Algorithm {
    /// The name that stands before the colon.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha512].into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::by_name(name)
            .ok_or_else(|| Error::invalid("digest algorithm", "sha256 or sha512", name))
    }
}

/// A content digest, `algorithm:encoded`, checked against the grammar.
///
/// The grammar has no slash and no leading dot, so both parts are safe as names
/// of files. Algorithms that are not registered are accepted.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    text: String,
    colon: usize,
}

impl Digest {
    /// The digest of `content`, by SHA-256.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(content);
        hasher.finish()
    }

    /// Checks that this is the digest of `content`; `what` names it in errors.
    pub(crate) fn check(&self, what: &str, content: &[u8]) -> Result<()> {
        let mut hasher = Hasher::new(self.computable()?);
        hasher.update(content);
        self.check_is(what, &hasher.finish())
    }

    /// Checks that this is the digest that was found.
    pub(crate) fn check_is(&self, what: &str, found: &Self) -> Result<()> {
        if self == found {
            return Ok(());
        }
        Err(Error::Digest {
            what: what.to_owned(),
            expected: self.to_string(),
            found: found.to_string(),
        })
    }

    /// The whole digest, `algorithm:encoded`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the colon: the folder in `blobs/`.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.text.split_at(self.colon).0
    }

    /// The part behind the colon: the name of the blob's file.
    #[must_use]
    pub fn encoded(&self) -> &str {
        self.text.split_at(self.colon).1.trim_start_matches(':')
    }

    /// The algorithm, if content can be checked against this digest.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where it is one that this library does not compute.
    pub fn computable(&self) -> Result<Algorithm> {
        Algorithm::by_name(self.algorithm()).ok_or_else(|| {
            Error::Unsupported(format!(
                "digest {self}: expected sha256 or sha512 to check content against, found {}",
                quoted(self.algorithm())
            ))
        })
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let colon = colon_in(text)?;
        Ok(Self { text: memory::owned(text)?, colon })
    }
}

/// Where the colon stands in a text that is a digest.
fn colon_in(text: &str) -> Result<usize> {
    const EXPECTED: &str = "algorithm:encoded, such as sha256 and 64 lower-case hex digits";
    let malformed = || Error::invalid("digest", EXPECTED, text);
    let (algorithm, encoded) = text.split_once(':').ok_or_else(malformed)?;
    let well_formed = match Algorithm::by_name(algorithm) {
        Some(Algorithm::Sha256) => is_lower_hex(encoded, 64),
        Some(Algorithm::Sha512) => is_lower_hex(encoded, 128),
        None => is_algorithm(algorithm) && is_encoded(encoded),
    };
    if well_formed { Ok(algorithm.len()) } else { Err(malformed()) }
}

fn is_lower_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether this may name an algorithm, computed here or not.
pub(crate) fn is_algorithm(text: &str) -> bool {
    text.split(['+', '.', '_', '-']).all(|component| {
        !component.is_empty()
            && component.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn is_encoded(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text: String = memory::asking(deserializer)?;
        let colon = colon_in(&text).map_err(through_parser)?;
        Ok(Self { text, colon })
    }
}

impl Asking<'_> for Digest {}

/// Computes a digest while content passes by.
#[derive(Clone, Debug)]
pub(crate) enum Hasher {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        let (algorithm, encoded) = match self {
            Self::Sha256(state) => (Algorithm::Sha256, hex::encode(state.finalize())),
            Self::Sha512(state) => (Algorithm::Sha512, hex::encode(state.finalize())),
        };
        let name = algorithm.as_str();
        Digest { text: format!("{name}:{encoded}"), colon: name.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        let hex = "0123456789abcdef".repeat(4);
        for good in [
            format!("sha256:{hex}"),
            format!("sha512:{hex}{hex}"),
            format!("blake3:{hex}"),
            "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564".to_owned(),
            "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8".to_owned(),
        ] {
            let digest: Digest = good.parse().expect(&good);
            assert_eq!(format!("{}:{}", digest.algorithm(), digest.encoded()), good);
        }
        for bad in [
            String::new(),
            hex.clone(),
            "sha256:".to_owned(),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha512:{hex}"),
            format!(" sha256:{hex}"),
            format!("sha256:{hex}\n"),
            format!("sha256::{hex}"),
            format!("SHA256:{hex}"),
            "sha256:../../../etc/passwd".to_owned(),
            "../x:aa".to_owned(),
            ".:aa".to_owned(),
            "a..b:aa".to_owned(),
            "blake3:..".to_owned(),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?} should be refused");
        }
    }

    #[test]
    fn known_answers() {
        // FIPS 180-4 example values for "abc".
        assert_eq!(
            Digest::of(b"abc").as_str(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let mut sha512 = Hasher::new(Algorithm::Sha512);
        sha512.update(b"a");
        sha512.update(b"bc");
        assert_eq!(
            sha512.finish().as_str(),
            "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
    }
}
