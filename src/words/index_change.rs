//! The text of `index.json`, edited entry by entry.
//!
//! Entries that an edit does not touch keep their exact bytes, and so does all
//! that stands around them.

use super::changes::{Changes, Part};
use super::descriptor::Descriptor;
use super::error::Result;
use super::index_text::{IndexText, Mended, NAME, alone};
use super::json;
use super::memory;
use super::piece::place;
use super::places::Places;
use std::sync::Arc;

/// How many brackets stand around an entry.
const DEPTH_OF_ENTRIES: usize = 2;

impl IndexText {
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
        let mut places = self.take_places()?;
        match changes.only_added() {
            Some(added) => self.add(added, &mut places)?,
            None => self.rewrite(changes, &mut places)?,
        }
        *self.places.get_mut() = Some(Arc::new(places));
        Ok(())
    }

    /// Adds entries to the end, and copies nothing of what stands before it.
    fn add<'a>(
        &mut self,
        added: impl Iterator<Item = &'a Descriptor>,
        places: &mut Places,
    ) -> Result<()> {
        let mut added = added.peekable();
        if added.peek().is_none() {
            return Ok(());
        }
        let closing = memory::owned(self.closing())?;
        let end = self.entries.last().map_or(self.array.start + 1, |last| last.end);
        let text = alone(&mut self.text)?;
        text.truncate(end);
        for entry in added {
            if !self.entries.is_empty() {
                memory::append(text, ",")?;
            }
            let start = text.len();
            memory::append(text, entry.json())?;
            places.note(entry, self.entries.len())?;
            memory::push(&mut self.entries, start..text.len())?;
        }
        self.array.end = text.len() + 1;
        memory::append(text, &closing)
    }

    /// Writes the text anew, and moves along what is known of it.
    fn rewrite(&mut self, changes: &Changes, places: &mut Places) -> Result<()> {
        self.forget(changes, places)?;
        let parts = changes.parts(self.count())?;
        let pieces = (0..parts.len()).map(|nth| self.piece(&parts, nth).len() + 1);
        let length = pieces.sum::<usize>() + self.closing().len();
        let mut text = memory::owned(self.opening())?;
        text.try_reserve_exact(length)?;
        let mut entries = Vec::new();
        for nth in 0..parts.len() {
            if nth > 0 {
                memory::append(&mut text, ",")?;
            }
            let (start, piece) = (text.len(), self.piece(&parts, nth));
            memory::append(&mut text, piece)?;
            match parts.get(nth) {
                Some(Part::Kept(run)) => {
                    let before = place(piece, &self.text).start;
                    for old in self.entries.get(run.clone()).unwrap_or_default() {
                        let moved = old.start - before + start..old.end - before + start;
                        memory::push(&mut entries, moved)?;
                    }
                }
                Some(Part::New(entry)) => {
                    places.note(entry, entries.len())?;
                    memory::push(&mut entries, start..text.len())?;
                }
                None => {}
            }
        }
        let end = text.len() + 1;
        memory::append(&mut text, self.closing())?;
        self.array.end = end;
        (self.text, self.entries) = (Arc::new(text), entries);
        Ok(())
    }

    /// Forgets where the entries stand that are changed, and counts the others anew.
    fn forget(&self, changes: &Changes, places: &mut Places) -> Result<()> {
        let changed = changes.changed()?;
        for position in &changed {
            if let Some(entry) = self.descriptor(*position)? {
                places.forget(&entry, *position);
            }
        }
        let removed = changed.into_iter().filter(|position| changes.is_removed(*position));
        let removed = memory::list(removed)?;
        if !removed.is_empty() {
            let before = |position| removed.partition_point(|removed| *removed < position);
            places.renumber(|position| position - before(position));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::media_type::MediaType;

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
            assert!(
                index.places().unwrap().of_digest(entry.digest()).contains(&position),
                "{position}"
            );
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
}
