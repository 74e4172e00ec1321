//! The text of `index.json`, edited entry by entry.
//!
//! Entries that an edit does not touch keep their exact bytes, and so does all
//! that stands around them.

use super::descriptor::Descriptor;
use super::document::{Index, media_type_of};
use super::error::{Error, Result};
use super::json;
use super::media_type::MediaType;
use super::memory;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::ops::Range;

/// An index, and where its entries stand in its text.
#[derive(Clone, Debug)]
pub(crate) struct IndexText {
    text: String,
    /// The array `manifests`, with its brackets.
    array: Range<usize>,
    entries: Vec<Range<usize>>,
    descriptors: Vec<Descriptor>,
}

/// One entry of the index that an edit makes.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// The entry that stands at this position of the old index.
    Kept(usize),
    /// An entry that is not in the old index.
    New(Box<Descriptor>),
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
        Self::stored("index.json", text.into_bytes())
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
        let descriptors = Index::parse(name, &json)?.manifests;
        let mut text = String::from_utf8(json).map_err(|error| Error::format(name, error))?;
        let malformed = |error: serde_json::Error| Error::json(name, &error);
        let spans: Spans = serde_json::from_str(&text).map_err(malformed)?;
        let array = span(&text, spans.manifests.get());
        if spans.manifests.get() == "null" {
            text.replace_range(array, "[]");
            return Self::stored(name, text.into_bytes());
        }
        if spans.media_type.is_none() {
            let behind_version = span(&text, spans.schema_version.get()).end;
            let member = format!(r#","mediaType":"{}""#, MediaType::IMAGE_INDEX);
            text.try_reserve(member.len())?;
            text.insert_str(behind_version, &member);
            return Self::stored(name, text.into_bytes());
        }
        let entries: Vec<&RawValue> = json::value(spans.manifests.get()).map_err(malformed)?;
        let entries = memory::list(entries.iter().map(|entry| span(&text, entry.get())))?;
        Ok(Self { array, entries, descriptors, text })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The entries, in order.
    pub(crate) fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    pub(crate) fn into_descriptors(self) -> Vec<Descriptor> {
        self.descriptors
    }

    /// What an entry says.
    pub(crate) fn descriptor<'a>(&'a self, entry: &'a Entry) -> Option<&'a Descriptor> {
        match entry {
            Entry::Kept(position) => self.descriptors.get(*position),
            Entry::New(descriptor) => Some(descriptor),
        }
    }

    /// The text of the index with these entries instead.
    pub(crate) fn with_entries(&self, entries: &[Entry]) -> Result<String> {
        let mut text = memory::owned(self.slice(0..self.array.start + 1))?;
        let mut previous = None;
        for entry in entries {
            memory::append(&mut text, self.between(previous, Some(entry)))?;
            let entry_text = match entry {
                Entry::Kept(position) => self.slice(self.span_of(*position)),
                Entry::New(descriptor) => descriptor.json(),
            };
            memory::append(&mut text, entry_text)?;
            previous = Some(entry);
        }
        memory::append(&mut text, self.between(previous, None))?;
        memory::append(&mut text, self.slice(self.array.end - 1..self.text.len()))?;
        Ok(text)
    }

    /// What to write between two entries, or an entry and a bracket: what stood
    /// there before, if they were neighbours before.
    fn between(&self, left: Option<&Entry>, right: Option<&Entry>) -> &str {
        use Entry::Kept;
        let gap = match (left, right) {
            (None, Some(Kept(0))) => self.gap_before(0),
            (Some(Kept(left)), Some(Kept(right))) if left + 1 == *right => self.gap_before(*right),
            (Some(Kept(left)), None) if left + 1 == self.entries.len() => self.gap_before(left + 1),
            (None, None) if self.entries.is_empty() => self.gap_before(0),
            (Some(_), Some(_)) => return ",",
            _ => return "",
        };
        self.slice(gap)
    }

    /// What stands between an entry and the one before it, or the brackets.
    fn gap_before(&self, position: usize) -> Range<usize> {
        let start = match position.checked_sub(1) {
            Some(previous) => self.span_of(previous).end,
            None => self.array.start + 1,
        };
        let end = self.entries.get(position).map_or(self.array.end - 1, |span| span.start);
        start..end
    }

    fn span_of(&self, position: usize) -> Range<usize> {
        self.entries.get(position).cloned().unwrap_or_default()
    }

    fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }
}

/// Where `part`, which is borrowed from `whole`, stands in it.
fn span(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn entry(n: u32) -> String {
        format!("{{ \"size\":{n},\"digest\":\"{DIGEST}\",\n \"mediaType\":\"a/b\",\"x\": [1.0 ] }}")
    }

    fn index(manifests: &str) -> IndexText {
        let text = format!(
            "{{ \"x-first\": {{}},\n  \"manifests\": {manifests},\n  \"schemaVersion\": 2,\"mediaType\":\"{}\"}}\n",
            MediaType::IMAGE_INDEX
        );
        IndexText::stored("test", text.into_bytes()).unwrap()
    }

    fn new(n: u32) -> Entry {
        Entry::New(Box::new(Descriptor::parse(entry(n).as_bytes()).unwrap()))
    }

    #[test]
    fn what_is_not_touched_keeps_its_bytes() {
        let (one, two, three) = (entry(1), entry(2), entry(3));
        let old = index(&format!("[\n  {one},\n  {two},\n  {three}\n ]"));
        let kept = Entry::Kept;
        for (entries, manifests) in [
            (vec![kept(0), kept(1), kept(2)], format!("[\n  {one},\n  {two},\n  {three}\n ]")),
            (vec![kept(0), kept(2)], format!("[\n  {one},{three}\n ]")),
            (vec![kept(1)], format!("[{two}]")),
            (
                vec![kept(0), kept(1), kept(2), new(4)],
                format!("[\n  {one},\n  {two},\n  {three},{}]", entry(4)),
            ),
            (vec![new(4), kept(1), kept(2)], format!("[{},{two},\n  {three}\n ]", entry(4))),
            (vec![], "[]".to_owned()),
        ] {
            let expected = index(&manifests);
            assert_eq!(old.with_entries(&entries).unwrap(), expected.text());
        }
    }

    #[test]
    fn an_empty_index_grows() {
        let grown = IndexText::empty().unwrap().with_entries(&[new(1), new(2)]).unwrap();
        let expected = format!("[{},{}]", entry(1), entry(2));
        assert!(grown.contains(&expected), "{grown}");
        assert_eq!(IndexText::stored("test", grown.into_bytes()).unwrap().descriptors().len(), 2);
    }

    #[test]
    fn what_other_tools_break_is_mended() {
        let text = br#"{"schemaVersion": 2, "manifests":null, "x":1}"#.to_vec();
        assert_eq!(
            IndexText::stored("test", text).unwrap().text(),
            r#"{"schemaVersion": 2,"mediaType":"application/vnd.oci.image.index.v1+json", "manifests":[], "x":1}"#
        );
    }
}
