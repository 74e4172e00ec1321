//! Which blobs are garbage, as far as is known by now.

use super::collect::Fate;
use super::marks::{Marks, Named};
use crate::layout::{Layout, Matcher};
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::memory;
use crate::words::watch::Watch;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

pub(super) struct Garbage {
    marks: Marks,
    /// The index that was followed.
    index: Digest,
    leased: HashSet<Digest>,
    /// What the index does not lead to, and what that names if it is a document.
    unmarked: HashMap<Digest, Option<Named>>,
    /// What of it was put too lately, or cannot be judged.
    spared: HashMap<Digest, Fate>,
    /// All of it that stays, and why.
    stays: HashMap<Digest, Fate>,
}

impl Garbage {
    pub(super) fn find(
        layout: &Layout,
        blobs: &[(Digest, u64)],
        grace: Duration,
        watch: &mut Watch<'_>,
    ) -> Result<Self> {
        let mut garbage = Self {
            // Before the index is read, so that no change of it is missed.
            index: layout.describe_index()?.digest().clone(),
            marks: Marks::default(),
            leased: layout.leased()?,
            unmarked: HashMap::new(),
            spared: HashMap::new(),
            stays: HashMap::new(),
        };
        garbage.marks.follow(layout, layout.list(&Matcher::any())?, watch)?;
        for (digest, _) in blobs.iter().filter(|(digest, _)| !garbage.marks.has(digest)) {
            watch.look()?;
            let named = Named::in_blob(layout, digest)?;
            memory::note(&mut garbage.unmarked, digest.clone(), named)?;
            if digest.computable().is_err() {
                memory::note(&mut garbage.spared, digest.clone(), Fate::Foreign)?;
            } else if is_young(layout, digest, grace)? {
                memory::note(&mut garbage.spared, digest.clone(), Fate::Young)?;
            }
        }
        garbage.settle()?;
        Ok(garbage)
    }

    pub(super) fn fate(&self, digest: &Digest) -> Fate {
        if self.marks.has(digest) {
            return Fate::Referenced;
        }
        self.stays.get(digest).copied().unwrap_or(Fate::Removed)
    }

    /// All that may be garbage, each document before what it names.
    pub(super) fn in_order(&self) -> Result<Vec<Digest>> {
        let mut named_by: HashMap<Digest, usize> = HashMap::new();
        for document in self.unmarked.keys() {
            for digest in self.named_in(document)? {
                named_by.try_reserve(1)?;
                *named_by.entry(digest).or_default() += 1;
            }
        }
        let is_named = |digest: &&Digest| named_by.contains_key(*digest);
        let mut order = memory::list(self.unmarked.keys().filter(|d| !is_named(d)).cloned())?;
        let mut next = 0;
        while let Some(digest) = order.get(next).cloned() {
            next += 1;
            for digest in self.named_in(&digest)? {
                if let Some(left) = named_by.get_mut(&digest) {
                    *left -= 1;
                    if *left == 0 {
                        named_by.remove(&digest);
                        memory::push(&mut order, digest)?;
                    }
                }
            }
        }
        // Only torn documents name each other in a circle.
        for digest in named_by.into_keys() {
            memory::push(&mut order, digest)?;
        }
        Ok(order)
    }

    /// Removes what of this is garbage still. Nobody edits or puts meanwhile.
    pub(super) fn remove(&mut self, layout: &Layout, part: &[Digest]) -> Result<()> {
        self.update(layout)?;
        for digest in part {
            if self.fate(digest) == Fate::Removed {
                match layout.remove_blob(digest) {
                    Ok(()) | Err(Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Follows what was named or leased meanwhile.
    fn update(&mut self, layout: &Layout) -> Result<()> {
        let index = layout.describe_index()?.digest().clone();
        let leased = layout.leased()?;
        if index != self.index {
            // Nobody is told while others wait.
            self.marks.follow(layout, layout.list(&Matcher::any())?, &mut Watch::none())?;
        } else if leased == self.leased {
            return Ok(());
        }
        (self.index, self.leased) = (index, leased);
        self.settle()
    }

    /// Finds all that stays: what is spared or leased, documents whose subject
    /// stays, and whatever those name.
    fn settle(&mut self) -> Result<()> {
        let spared = self.spared.iter().map(|(digest, fate)| (digest.clone(), *fate));
        let leased = self.leased.iter().map(|digest| (digest.clone(), Fate::Leased));
        let mut left = memory::list(spared.chain(leased))?;
        let mut by_subject: HashMap<Digest, Vec<Digest>> = HashMap::new();
        for (digest, named) in &self.unmarked {
            if let Some(subject) = named.as_ref().map_or(Ok(None), Named::subject)? {
                if self.marks.has(&subject) {
                    memory::push(&mut left, (digest.clone(), Fate::Referrer))?;
                }
                by_subject.try_reserve(1)?;
                memory::push(by_subject.entry(subject).or_default(), digest.clone())?;
            }
        }
        self.stays.clear();
        while let Some((digest, fate)) = left.pop() {
            if !self.unmarked.contains_key(&digest) || self.stays.contains_key(&digest) {
                continue;
            }
            for named in self.named_in(&digest)? {
                memory::push(&mut left, (named, fate))?;
            }
            for about in by_subject.remove(&digest).unwrap_or_default() {
                memory::push(&mut left, (about, Fate::Referrer))?;
            }
            memory::note(&mut self.stays, digest, fate)?;
        }
        Ok(())
    }

    /// What a document names that may be garbage too, each once.
    fn named_in(&self, digest: &Digest) -> Result<HashSet<Digest>> {
        let mut found = HashSet::new();
        let named = self.unmarked.get(digest).and_then(Option::as_ref).map(Named::everything);
        for digest in named.into_iter().flatten() {
            let digest = digest?;
            if self.unmarked.contains_key(&digest) {
                memory::insert(&mut found, digest)?;
            }
        }
        Ok(found)
    }
}

/// A blob that is gone, or whose clock is ahead of ours, counts as young.
fn is_young(layout: &Layout, digest: &Digest, grace: Duration) -> Result<bool> {
    let Some(changed) = layout.changed(digest)? else { return Ok(true) };
    Ok(SystemTime::now().duration_since(changed).map_or(!grace.is_zero(), |age| age < grace))
}
