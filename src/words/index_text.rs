//! The text of `index.json`.
//!
//! Of the entries only their text is kept, and where each stands: they are read when
//! they are asked for.

use super::descriptor::Descriptor;
use super::document::{Index, media_type_of};
use super::error::{Error, Result};
use super::media_type::MediaType;
use super::memory;
use super::piece::place;
use super::places::Places;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::ops::Range;
use std::sync::Arc;

pub(super) const NAME: &str = "index.json";

/// An index, and where its entries stand in its text.
#[derive(Debug)]
pub(crate) struct IndexText {
    pub(super) text: Arc<String>,
    pub(super) mended: Mended,
    /// The array `manifests`, with its brackets.
    pub(super) array: Range<usize>,
    pub(super) entries: Vec<Range<usize>>,
    /// Made when they are first asked for.
    pub(super) places: Mutex<Option<Arc<Places>>>,
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
        let mut places = Places::default();
        let mut index = Self::read(name, json, |position, entry| places.note(&entry, position))?;
        *index.places.get_mut() = Some(Arc::new(places));
        Ok(index)
    }

    /// The same, and hands out each entry as it is read, but does not yet know where
    /// those of a name stand.
    pub(crate) fn read(
        name: &str,
        json: Vec<u8>,
        mut hand_out: impl FnMut(usize, Descriptor) -> Result<()>,
    ) -> Result<Self> {
        let text = String::from_utf8(json).map_err(|error| Error::format(name, error))?;
        let read = Index::<&RawValue>::parse(name, text.as_bytes())?;
        let is_typed = read.media_type.is_some();
        let entries = memory::list(read.manifests.iter().map(|entry| place(entry.get(), &text)))?;
        let index = match array_around(&text, &entries).filter(|_| is_typed) {
            Some(array) => Self::sound(text, array, entries),
            None => Self::mended(name, text, entries)?,
        };
        for (position, entry) in index.entries.iter().enumerate() {
            let entry = Descriptor::standing_in(&index.text, entry.clone())
                .map_err(|error| Error::json(format!("{name}: manifests[{position}]"), &error))?;
            hand_out(position, entry)?;
        }
        Ok(index)
    }

    fn sound(text: String, array: Range<usize>, entries: Vec<Range<usize>>) -> Self {
        let (text, mended, places) = (Arc::new(text), Mended::Nothing, Mutex::default());
        Self { text, mended, array, entries, places }
    }

    fn mended(name: &str, text: String, entries: Vec<Range<usize>>) -> Result<Self> {
        let spans: Spans =
            serde_json::from_str(&text).map_err(|error| Error::json(name, &error))?;
        let array = place(spans.manifests.get(), &text);
        let behind_version = place(spans.schema_version.get(), &text).end;
        let (is_null, is_typed) = (spans.manifests.get() == "null", spans.media_type.is_some());
        let mut index = Self::sound(text, array, entries);
        if !is_typed {
            index.add_media_type(behind_version)?;
        }
        if is_null {
            alone(&mut index.text)?.replace_range(index.array.clone(), "[]");
            index.array.end = index.array.start + 2;
            index.mended = Mended::List;
        }
        Ok(index)
    }

    fn add_media_type(&mut self, at: usize) -> Result<()> {
        let member = format!(r#","mediaType":"{}""#, MediaType::IMAGE_INDEX);
        let text = alone(&mut self.text)?;
        text.try_reserve_exact(member.len())?;
        text.insert_str(at, &member);
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
    pub(crate) fn places(&self) -> Result<Arc<Places>> {
        let mut known = self.places.lock();
        if let Some(known) = &*known {
            return Ok(Arc::clone(known));
        }
        let mut places = Places::default();
        for (position, entry) in self.each().enumerate() {
            places.note(&entry?, position)?;
        }
        Ok(Arc::clone(known.insert(Arc::new(places))))
    }

    /// The places, to be changed, of an index that nobody else uses.
    pub(super) fn take_places(&mut self) -> Result<Places> {
        let known = self.places()?;
        *self.places.get_mut() = None;
        let alone = Arc::into_inner(known);
        alone.ok_or_else(|| Error::Internal("the places of an index are shared".to_owned()))
    }

    /// What an entry says.
    pub(crate) fn descriptor(&self, position: usize) -> Result<Option<Descriptor>> {
        let Some(span) = self.entries.get(position) else { return Ok(None) };
        let read = Descriptor::part(self.slice(span.clone()));
        read.map(Some).map_err(|error| Error::json(NAME, &error))
    }

    /// All entries, in order. They keep this text for as long as one of them lives.
    pub(crate) fn descriptors(&self) -> Result<Vec<Descriptor>> {
        memory::try_list(self.each())
    }

    fn each(&self) -> impl Iterator<Item = Result<Descriptor>> {
        self.entries.iter().map(|entry| {
            let read = Descriptor::standing_in(&self.text, entry.clone());
            read.map_err(|error| Error::json(NAME, &error))
        })
    }

    pub(super) fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }
}

/// Where the array stands that has these entries, with its brackets.
fn array_around(text: &str, entries: &[Range<usize>]) -> Option<Range<usize>> {
    let (first, last) = (entries.first()?, entries.last()?);
    let before = text.get(..first.start)?.trim_end();
    let behind = text.get(last.end..)?.trim_start();
    Some(before.len() - 1..text.len() - behind.len() + 1)
}

/// A text that is to be changed. Descriptors that were read from it keep it as it was.
pub(super) fn alone(text: &mut Arc<String>) -> Result<&mut String> {
    if Arc::get_mut(text).is_none() {
        *text = Arc::new(memory::owned(text)?);
    }
    let alone = Arc::get_mut(text);
    alone.ok_or_else(|| Error::Internal("the text of an index is shared".to_owned()))
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
