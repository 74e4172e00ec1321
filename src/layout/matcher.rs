//! Matchers: which entries of an index are meant.

use crate::words::descriptor::Descriptor;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::media_type::MediaType;
use crate::words::platform::Platform;
use crate::words::reference::REF_NAME;
use std::fmt;
use std::sync::Arc;

/// Says of a descriptor whether it is meant.
#[derive(Clone)]
pub enum Matcher<'a> {
    /// Its annotation of this key has this value.
    Annotation(String, String),
    /// Its platform is one of these, in every part.
    Platforms(Vec<Platform>),
    /// Its media type is one of these.
    MediaTypes(Vec<MediaType>),
    /// Its digest is one of these.
    Digests(Vec<Digest>),
    /// All of these say so; none at all means any descriptor.
    AllOf(Vec<Self>),
    /// At least one of these says so.
    AnyOf(Vec<Self>),
    /// This one does not say so.
    Not(Box<Self>),
    /// This function says so. It is called without any lock held.
    Custom(Arc<CustomMatcher<'a>>),
}

/// Where to look for what a matcher means.
#[derive(Debug)]
pub(super) enum Hint<'a> {
    Nothing,
    /// Among the entries of this reference.
    Named(&'a str),
    /// Among the entries of these digests.
    Digests(&'a [Digest]),
    Anything,
}

/// A function that says whether a descriptor is meant, or stops the call.
pub type CustomMatcher<'a> = dyn Fn(&Descriptor) -> Result<bool> + Send + Sync + 'a;

impl<'a> Matcher<'a> {
    /// Means every descriptor.
    #[must_use]
    pub fn any() -> Self {
        Self::AllOf(Vec::new())
    }

    /// Means the entries of this reference (`org.opencontainers.image.ref.name`).
    #[must_use]
    pub fn reference(reference: &str) -> Self {
        Self::Annotation(REF_NAME.to_owned(), reference.to_owned())
    }

    /// Means what this function says.
    pub fn custom(function: impl Fn(&Descriptor) -> Result<bool> + Send + Sync + 'a) -> Self {
        Self::Custom(Arc::new(function))
    }

    /// Whether this descriptor is meant.
    ///
    /// # Errors
    /// Those of a custom function, and [`Error::Memory`](crate::Error::Memory).
    pub fn matches(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(match self {
            Self::Annotation(key, value) => descriptor.annotation(key) == Some(value),
            Self::Platforms(platforms) => descriptor
                .platform()?
                .is_some_and(|platform| platforms.iter().any(|wanted| platform.is_same(wanted))),
            Self::MediaTypes(media_types) => media_types.contains(descriptor.media_type()),
            Self::Digests(digests) => digests.contains(descriptor.digest()),
            Self::AllOf(matchers) => {
                for matcher in matchers {
                    if !matcher.matches(descriptor)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::AnyOf(matchers) => {
                for matcher in matchers {
                    if matcher.matches(descriptor)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Not(matcher) => !matcher.matches(descriptor)?,
            Self::Custom(function) => function(descriptor)?,
        })
    }

    /// Where all stand that are meant, and others perhaps.
    pub(super) fn hint(&self) -> Hint<'_> {
        match self {
            Self::Annotation(key, value) if key == REF_NAME => Hint::Named(value),
            Self::Digests(digests) => Hint::Digests(digests),
            Self::AllOf(matchers) => {
                let mut hints = matchers.iter().map(Self::hint);
                hints.find(|hint| !matches!(hint, Hint::Anything)).unwrap_or(Hint::Anything)
            }
            Self::AnyOf(matchers) if matchers.is_empty() => Hint::Nothing,
            _ => Hint::Anything,
        }
    }

    /// How many levels of combinations stand in each other.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::AllOf(matchers) | Self::AnyOf(matchers) => {
                1 + matchers.iter().map(Self::depth).max().unwrap_or_default()
            }
            Self::Not(matcher) => 1 + matcher.depth(),
            _ => 0,
        }
    }

    /// The same matcher for as long as need be, unless it asks a function of the
    /// caller's.
    pub(super) fn asking_nobody(&self) -> Option<Matcher<'static>> {
        let several = |matchers: &[Self]| {
            matchers.iter().map(Self::asking_nobody).collect::<Option<Vec<_>>>()
        };
        Some(match self {
            Self::Annotation(key, value) => Matcher::Annotation(key.clone(), value.clone()),
            Self::Platforms(platforms) => Matcher::Platforms(platforms.clone()),
            Self::MediaTypes(media_types) => Matcher::MediaTypes(media_types.clone()),
            Self::Digests(digests) => Matcher::Digests(digests.clone()),
            Self::AllOf(matchers) => Matcher::AllOf(several(matchers)?),
            Self::AnyOf(matchers) => Matcher::AnyOf(several(matchers)?),
            Self::Not(matcher) => Matcher::Not(Box::new(matcher.asking_nobody()?)),
            Self::Custom(_) => return None,
        })
    }
}

impl fmt::Debug for Matcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Annotation(key, value) => write!(f, "{key} = {value:?}"),
            Self::Platforms(platforms) => write!(f, "platform in {platforms:?}"),
            Self::MediaTypes(media_types) => write!(f, "media type in {media_types:?}"),
            Self::Digests(digests) => write!(f, "digest in {digests:?}"),
            Self::AllOf(matchers) => write!(f, "all of {matchers:?}"),
            Self::AnyOf(matchers) => write!(f, "any of {matchers:?}"),
            Self::Not(matcher) => write!(f, "not {matcher:?}"),
            Self::Custom(_) => f.write_str("a function"),
        }
    }
}
