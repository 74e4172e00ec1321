//! The text of `index.json`, edited entry by entry.
//!
//! Entries that an edit does not touch keep their exact bytes, and so does all
//! that stands around them. Of the entries only their text is kept, and where each
//! stands: they are read when they are asked for.

use super::changes::{Changes, Part};
use super::descriptor::Descriptor;
use super::document::{Index, media_type_of};
use super::error::{Error, Result};
use super::json;
use super::media_type::MediaType;
use super::memory;
use super::places::Places;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::ops::Range;

const NAME: &str = "index.json";

/// How many brackets stand around an entry.
const DEPTH_OF_ENTRIES: usize = 2;

/// An index, and where its entries stand in its text.
#[derive(Debug)]
pub(crate) struct IndexText {
    text: String,
    mended: Mended,
    /// The array `manifests`, with its brackets.
    array: Range<usize>,
    entries: Vec<Range<usize>>,
    places: Places,
}

/// What the text has that was not there where it was read.
#[derive(Debug)]
enum Mended {
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
        let text = String::from_utf8(json).map_err(|error| Error::format(name, error))?;
        let (mut entries, mut places) = (Vec::new(), Places::default());
        let index = Index::<&RawValue>::parse(name, text.as_bytes())?;
        for (position, entry) in index.manifests.iter().enumerate() {
            let read = Descriptor::part(entry.get())
                .map_err(|error| Error::json(format!("{name}: manifests[{position}]"), &error))?;
            places.note(&read, position)?;
            memory::push(&mut entries, span(&text, entry.get()))?;
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

    /// The text with these changes, in pieces; `None` if it is the same.
    pub(crate) fn changed<'a>(&'a self, changes: &'a Changes) -> Result<Option<Vec<&'a str>>> {
        let parts = changes.parts(self.count())?;
        // Nothing is written that would be refused when it is read.
        for part in &parts {
            if let Part::New(entry) = part {
                json::check_depth(NAME, entry.json(), DEPTH_OF_ENTRIES)?;
            }
        }
        let mut pieces = memory::list([self.opening()])?;
        for nth in 0..parts.len() {
            memory::push(&mut pieces, if nth == 0 { "" } else { "," })?;
            memory::push(&mut pieces, self.piece(&parts, nth))?;
        }
        let gap = if parts.is_empty() && self.entries.is_empty() { self.gap() } else { "" };
        memory::push(&mut pieces, gap)?;
        memory::push(&mut pieces, self.closing())?;
        let length = pieces.iter().map(|piece| piece.len()).sum();
        json::check_length(NAME, length)?;
        let mut rest = Some(self.text());
        if length == self.text.len() {
            rest = pieces.iter().try_fold(self.text(), |rest, piece| rest.strip_prefix(*piece));
        }
        Ok((rest != Some("")).then_some(pieces))
    }

    /// What stands before the first entry and its spacing.
    fn opening(&self) -> &str {
        self.slice(0..self.array.start + 1)
    }

    /// What stands behind the last entry and its spacing.
    fn closing(&self) -> &str {
        self.slice(self.array.end - 1..self.text.len())
    }

    /// What stands between the brackets.
    fn gap(&self) -> &str {
        self.slice(self.array.start + 1..self.array.end - 1)
    }

    /// The text of a part. The spacing at either end of the list is kept with its
    /// neighbour.
    fn piece<'a>(&'a self, parts: &[Part<'a>], nth: usize) -> &'a str {
        let run = match parts.get(nth) {
            Some(Part::Kept(run)) => run,
            Some(Part::New(entry)) => return entry.json(),
            None => return "",
        };
        let is_last = nth + 1 == parts.len();
        let start = match self.entries.get(run.start) {
            Some(first) if run.start > 0 => first.start,
            _ => self.array.start + 1,
        };
        let end = match run.end.checked_sub(1).and_then(|last| self.entries.get(last)) {
            Some(last) if run.end < self.count() || !is_last => last.end,
            _ => self.array.end - 1,
        };
        self.slice(start..end)
    }

    /// Makes these changes. After an error this index is of no use any more.
    pub(crate) fn change(&mut self, changes: &Changes) -> Result<()> {
        self.mended = Mended::Nothing;
        match changes.only_added() {
            Some(added) => self.add(added),
            None => self.rewrite(changes),
        }
    }

    /// Adds entries to the end, and copies nothing of what stands before it.
    fn add<'a>(&mut self, added: impl Iterator<Item = &'a Descriptor>) -> Result<()> {
        let mut added = added.peekable();
        if added.peek().is_none() {
            return Ok(());
        }
        let closing = memory::owned(self.closing())?;
        self.text.truncate(self.entries.last().map_or(self.array.start + 1, |last| last.end));
        for entry in added {
            if !self.entries.is_empty() {
                memory::append(&mut self.text, ",")?;
            }
            let start = self.text.len();
            memory::append(&mut self.text, entry.json())?;
            self.places.note(entry, self.count())?;
            memory::push(&mut self.entries, start..self.text.len())?;
        }
        self.array.end = self.text.len() + 1;
        memory::append(&mut self.text, &closing)
    }

    /// Writes the text anew, and moves along what is known of it.
    fn rewrite(&mut self, changes: &Changes) -> Result<()> {
        self.forget(changes)?;
        let parts = changes.parts(self.count())?;
        let mut text = memory::owned(self.opening())?;
        let mut entries = Vec::new();
        for nth in 0..parts.len() {
            if nth > 0 {
                memory::append(&mut text, ",")?;
            }
            let (start, piece) = (text.len(), self.piece(&parts, nth));
            memory::append(&mut text, piece)?;
            match parts.get(nth) {
                Some(Part::Kept(run)) => {
                    let before = span(&self.text, piece).start;
                    for old in self.entries.get(run.clone()).unwrap_or_default() {
                        let moved = old.start - before + start..old.end - before + start;
                        memory::push(&mut entries, moved)?;
                    }
                }
                Some(Part::New(entry)) => {
                    self.places.note(entry, entries.len())?;
                    memory::push(&mut entries, start..text.len())?;
                }
                None => {}
            }
        }
        let end = text.len() + 1;
        memory::append(&mut text, self.closing())?;
        self.array.end = end;
        (self.text, self.entries) = (text, entries);
        Ok(())
    }

    /// Forgets where the entries stand that are changed, and counts the others anew.
    fn forget(&mut self, changes: &Changes) -> Result<()> {
        let changed = changes.changed()?;
        for position in &changed {
            if let Some(entry) = self.descriptor(*position)? {
                self.places.forget(&entry, *position);
            }
        }
        let removed = changed.into_iter().filter(|position| changes.is_removed(*position));
        let removed = memory::list(removed)?;
        if !removed.is_empty() {
            let before = |position| removed.partition_point(|removed| *removed < position);
            self.places.renumber(|position| position - before(position));
        }
        Ok(())
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

    fn new(n: u32) -> Option<Descriptor> {
        Some(Descriptor::parse(entry(n).as_bytes()).unwrap())
    }

    /// Sets entries and adds others; says what comes of it, in the file and here.
    fn changed(
        mut index: IndexText,
        set: Vec<(usize, Option<Descriptor>)>,
        added: Vec<Option<Descriptor>>,
    ) -> String {
        let mut changes = Changes::default();
        for (position, entry) in set {
            changes.set(&index, position, entry);
        }
        added.into_iter().flatten().for_each(|entry| changes.add(entry));
        let pieces = index.changed(&changes).unwrap();
        let written = pieces.map_or_else(|| index.text().to_owned(), |pieces| pieces.concat());
        index.change(&changes).unwrap();
        assert_eq!(index.text(), written);
        let read = IndexText::stored("test", written.clone().into_bytes()).unwrap();
        assert_eq!((&read.array, &read.entries), (&index.array, &index.entries));
        for (position, entry) in read.descriptors().unwrap().iter().enumerate() {
            assert!(index.places.of_digest(entry.digest()).contains(&position), "{position}");
        }
        written
    }

    #[test]
    fn what_is_not_touched_keeps_its_bytes() {
        let (one, two, three) = (entry(1), entry(2), entry(3));
        for (set, added, manifests) in [
            (vec![], vec![], format!("[\n  {one},\n  {two},\n  {three}\n ]")),
            (vec![(1, None)], vec![], format!("[\n  {one},{three}\n ]")),
            (vec![(2, None), (0, None)], vec![], format!("[{two}]")),
            (
                vec![],
                vec![new(4), new(5)],
                format!("[\n  {one},\n  {two},\n  {three},{},{}]", entry(4), entry(5)),
            ),
            (vec![(0, new(4))], vec![], format!("[{},{two},\n  {three}\n ]", entry(4))),
            (vec![(2, new(4))], vec![], format!("[\n  {one},\n  {two},{}]", entry(4))),
            (vec![(2, None)], vec![new(4)], format!("[\n  {one},\n  {two},{}]", entry(4))),
            (vec![(0, None), (1, None), (2, None)], vec![], "[]".to_owned()),
        ] {
            let old = index(&format!("[\n  {one},\n  {two},\n  {three}\n ]"));
            assert_eq!(changed(old, set, added), index(&manifests).text());
        }
    }

    #[test]
    fn an_empty_index_grows() {
        let grown = changed(IndexText::empty().unwrap(), vec![], vec![new(1), new(2)]);
        let expected = format!("[{},{}]", entry(1), entry(2));
        assert!(grown.contains(&expected), "{grown}");
        assert_eq!(changed(index("[ \n]"), vec![], vec![]), index("[ \n]").text());
        assert_eq!(
            changed(index("[ \n]"), vec![], vec![new(1)]),
            index(&format!("[{}]", entry(1))).text()
        );
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
