//! Texts that are left where they stand in a document.

use super::error::{Error, Result};
use super::memory::{self, Asking, through_parser};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Where something stands in a text. A document has less than 4 GiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn new(place: Range<usize>) -> Result<Self> {
        let at = |place: usize| {
            let limit = u32::MAX;
            u32::try_from(place)
                .map_err(|_| Error::Limit { what: "document".to_owned(), limit: limit.into() })
        };
        Ok(Self { start: at(place.start)?, end: at(place.end)? })
    }

    /// Where `part`, which is borrowed from `whole`, stands in it.
    pub(super) fn of(part: &str, whole: &str) -> Result<Self> {
        Self::new(place(part, whole))
    }

    pub(super) fn within(self, whole: &str) -> &str {
        whole.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Where `part`, which is borrowed from `whole`, stands in it.
pub(super) fn place(part: &str, whole: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

/// A text of a document: where it stands, or what is meant where it has escapes.
#[derive(Debug)]
pub(super) enum Piece {
    Stands(Span),
    Meant(Box<str>),
}

impl Piece {
    pub(super) fn new(read: Text<'_>, whole: &str) -> Result<Self> {
        match read.0 {
            Cow::Borrowed(text) => Span::of(text, whole).map(Self::Stands),
            Cow::Owned(text) => Ok(Self::Meant(text.into_boxed_str())),
        }
    }

    pub(super) fn within<'a>(&'a self, whole: &'a str) -> &'a str {
        match self {
            Self::Stands(span) => span.within(whole),
            Self::Meant(text) => text,
        }
    }
}

/// A text as a parser finds it.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_string(self) -> Result<String> {
        match self.0 {
            Cow::Borrowed(text) => memory::owned(text),
            Cow::Owned(text) => Ok(text),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Found;

        impl<'de> Visitor<'de> for Found {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: serde::de::Error>(
                self,
                text: &str,
            ) -> std::result::Result<Self::Value, E> {
                memory::owned(text).map(Cow::Owned).map_err(through_parser)
            }
        }

        deserializer.deserialize_str(Found).map(Self)
    }
}

impl<'de: 'a, 'a> Asking<'de> for Text<'a> {}
