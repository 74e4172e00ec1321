//! The text of `index.json`.
//!
//! Of the entries only their text is kept, and where each stands: they are read when
//! they are asked for.

use super::descriptor::Descriptor;
use super::document::{Index, media_type_of};
use super::error::{Error, Result};
use super::media_type::MediaType;
use super::memory;
use super::places::Places;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::ops::Range;

pub(super) const NAME: &str = "index.json";

/// An index, and where its entries stand in its text.
#[derive(Debug)]
pub(crate) struct IndexText {
    pub(super) text: String,
    pub(super) mended: Mended,
    /// The array `manifests`, with its brackets.
    pub(super) array: Range<usize>,
    pub(super) entries: Vec<Range<usize>>,
    pub(super) places: Places,
}

/// What the text has that was not there where it was read.
#[derive(Debug)]
pub(super) enum Mended {
    Nothing,
    /// The media type, which stands here.
    MediaType(Range<usize>),
    /// A list for null.
    List,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spans<'a> {
    #[serde(borrow)]
    schema_version: &'a RawValue,
    media_type: Option<IgnoredAny>,
    #[serde(borrow)]
    manifests: &'a RawValue,
}

impl IndexText {
    /// An index without entries.
    pub(crate) fn empty() -> Result<Self> {
        let media_type = MediaType::IMAGE_INDEX;
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[]}}"#);
        Self::stored(NAME, text.into_bytes())
    }

    /// Reads an index that is given, to be written; if its text lacks a media
    /// type, it is given one.
    pub(crate) fn given(name: &str, json: &[u8]) -> Result<Self> {
        media_type_of(json, Some(&MediaType::known(MediaType::IMAGE_INDEX)))?;
        let mut copy = memory::room(json.len())?;
        copy.extend_from_slice(json);
        Self::stored(name, copy)
    }

    /// Reads an index that is there. The text is mended where some tools break
    /// the image-spec: it gets a media type, and an empty list for null.
    pub(crate) fn stored(name: &str, json: Vec<u8>) -> Result<Self> {
        Self::read(name, json, |_| Ok(()))
    }

    /// The same, and hands out each entry as it is read.
    pub(crate) fn read(
        name: &str,
        json: Vec<u8>,
        mut hand_out: impl FnMut(Descriptor) -> Result<()>,
    ) -> Result<Self> {
        let text = String::from_utf8(json).map_err(|error| Error::format(name, error))?;
        let (mut entries, mut places) = (Vec::new(), Places::default());
        let index = Index::<&RawValue>::parse(name, text.as_bytes())?;
        for (position, entry) in index.manifests.iter().enumerate() {
            let read = Descriptor::part(entry.get())
                .map_err(|error| Error::json(format!("{name}: manifests[{position}]"), &error))?;
            places.note(&read, position)?;
            memory::push(&mut entries, span(&text, entry.get()))?;
            hand_out(read)?;
        }
        let spans: Spans =
            serde_json::from_str(&text).map_err(|error| Error::json(name, &error))?;
        let array = span(&text, spans.manifests.get());
        let behind_version = span(&text, spans.schema_version.get()).end;
        let (is_null, is_typed) = (spans.manifests.get() == "null", spans.media_type.is_some());
        let mut index = Self { text, mended: Mended::Nothing, array, entries, places };
        if !is_typed {
            index.add_media_type(behind_version)?;
        }
        if is_null {
            index.text.replace_range(index.array.clone(), "[]");
            index.array.end = index.array.start + 2;
            index.mended = Mended::List;
        }
        Ok(index)
    }

    fn add_media_type(&mut self, at: usize) -> Result<()> {
        let member = format!(r#","mediaType":"{}""#, MediaType::IMAGE_INDEX);
        self.text.try_reserve_exact(member.len())?;
        self.text.insert_str(at, &member);
        for span in self.entries.iter_mut().chain([&mut self.array]) {
            if span.start >= at {
                *span = span.start + member.len()..span.end + member.len();
            }
        }
        self.mended = Mended::MediaType(at..at + member.len());
        Ok(())
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What the file holds that this was read from, in two parts; `None` if that
    /// cannot be told any more.
    pub(crate) fn as_stored(&self) -> Option<[&str; 2]> {
        match &self.mended {
            Mended::Nothing => Some([&self.text, ""]),
            Mended::MediaType(here) => {
                Some([self.slice(0..here.start), self.slice(here.end..self.text.len())])
            }
            Mended::List => None,
        }
    }

    /// How many entries there are.
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Where the entries of a name, or of a digest, may stand.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// What an entry says.
    pub(crate) fn descriptor(&self, position: usize) -> Result<Option<Descriptor>> {
        let Some(span) = self.entries.get(position) else { return Ok(None) };
        let read = Descriptor::part(self.slice(span.clone()));
        read.map(Some).map_err(|error| Error::json(NAME, &error))
    }

    /// All entries, in order.
    pub(crate) fn descriptors(&self) -> Result<Vec<Descriptor>> {
        let entries =
            (0..self.count()).filter_map(|position| self.descriptor(position).transpose());
        memory::try_list(entries)
    }

    pub(super) fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }
}

/// Where `part`, which is borrowed from `whole`, stands in it.
pub(super) fn span(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_tools_break_is_mended() {
        let text = br#"{"schemaVersion": 2, "manifests":null, "x":1}"#.to_vec();
        assert_eq!(
            IndexText::stored("test", text).unwrap().text(),
            r#"{"schemaVersion": 2,"mediaType":"application/vnd.oci.image.index.v1+json", "manifests":[], "x":1}"#
        );
    }
}
