//! Verifying a layout: whether everything in it is what it should be.

use super::cores::Cores;
use super::finding::{Finding, FindingKind};
use super::record::Record;
use super::walk::walk;
use crate::layout::{INDEX, Layout, MARKER, Matcher, Missing};
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::memory;
use crate::words::watch::Watch;
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashSet;
use std::io::Read;
use std::path::PathBuf;

/// Blobs are hashed in pieces of this many bytes.
const PIECE: usize = 128 * 1024;

/// How often to look while others edit `index.json`.
const LOOKS: usize = 32;

/// How a layout is verified.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyOptions {
    quick: bool,
    missing: Missing,
}

impl VerifyOptions {
    /// Hashes every blob, and finds those that are missing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hashes documents alone; other blobs must be there, with the right size.
    #[must_use]
    pub fn quick(mut self) -> Self {
        self.quick = true;
        self
    }

    /// What to do about blobs that are pointed at and not there.
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }
}

impl Layout {
    /// Verifies all that is in the layout: its files, each document from
    /// `index.json` on, and each blob, pointed at or not. Says what is wrong,
    /// sorted by path; nothing if the layout is sound.
    ///
    /// Each blob is hashed once, on all cores, or as many threads as
    /// [`set_threads`](Self::set_threads) allows. Subjects may be absent, content of
    /// unknown media types is content, and blobs whose digest cannot be computed
    /// must only be there with the right size. Other files beside `blobs` are
    /// nobody's business.
    ///
    /// Nothing is written and nobody waits: others may go on editing the layout,
    /// and what they replace or remove meanwhile is not found missing. Of a
    /// transaction, the entries are those that it sees.
    ///
    /// # Errors
    /// [`Error::Io`] when the system does not let the layout be looked at,
    /// [`Error::State`] when it is a transaction that was committed. What is wrong
    /// with the layout is no error.
    pub fn verify(&self, options: &VerifyOptions) -> Result<Vec<Finding>> {
        self.verify_watched(options, &mut Watch::none())
    }

    /// The same, and tells `watch` how far it has come: the blobs that were looked at, and
    /// the bytes of them that were hashed. How many there are is known when all documents
    /// have been read. What has to be looked at again, since others edit the layout, counts
    /// again.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify); [`Error::Cancelled`] when `watch` stops it, which
    /// all its threads see at once.
    pub fn verify_watched(
        &self,
        options: &VerifyOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Finding>> {
        self.heed(watch)?;
        let verification = Verification {
            layout: self.clone(),
            options: *options,
            cores: Cores::of(self),
            sound: Mutex::default(),
        };
        let findings = verification.cores.apart(watch, move |watch| verification.verify(watch))?;
        watch.end();
        Ok(findings)
    }
}

/// What is known while a layout is verified.
struct Verification {
    layout: Layout,
    options: VerifyOptions,
    cores: Cores,
    /// Blobs that are not hashed again if there has to be another look.
    sound: Mutex<HashSet<Digest>>,
}

impl Verification {
    /// Looks at everything until `index.json` stood still meanwhile.
    fn verify(&self, watch: &mut Watch<'_>) -> Result<Vec<Finding>> {
        let mut always: Option<HashSet<_>> = None;
        let mut looks = 1..LOOKS;
        loop {
            let index = self.layout.index_version();
            let mut found = self.look(watch)?;
            if self.layout.index_version() == index {
                return Ok(found);
            }
            // An entry that went meanwhile may have taken its blobs with it. If it is
            // edited all the time, what is found every time is no such accident.
            if let Some(always) = &always {
                found.retain(|finding| always.contains(&finding.key()));
            }
            if found.is_empty() || looks.next().is_none() {
                return Ok(found);
            }
            always = Some(found.iter().map(Finding::key).collect());
        }
    }

    /// Looks at everything once.
    fn look(&self, watch: &mut Watch<'_>) -> Result<Vec<Finding>> {
        watch.tally().expect(None, None);
        // Read long before they are tried, so that each writer has had the time to
        // take hold of its own.
        let hidden = self.layout.hidden_names()?;
        let record = Record::default();
        let mut findings = Vec::new();
        self.read_file(MARKER, || self.layout.check_marker(), &mut findings)?;
        let entries = self.read_file(INDEX, || self.layout.list(&Matcher::any()), &mut findings)?;
        walk(&self.layout, &entries.unwrap_or_default(), &record, self.cores, watch)?;

        // Read after the documents: what they point at was there before them.
        let survey = self.layout.survey()?;
        let left = record.left(survey.blobs, &self.layout)?;
        let left = left.into_iter().map(|(size, digest)| (self.to_hash(size, &digest), digest));
        let left = memory::list(left)?;
        let bytes = left.iter().filter_map(|(to_hash, _)| *to_hash).fold(0, u64::saturating_add);
        watch.tally().expect_more(bytes, left.len() as u64);
        self.cores.share(&left, watch, |(to_hash, digest), watch| {
            self.look_at(digest, *to_hash, &record, watch)
        })?;
        for finding in record.findings(&self.layout, self.options.missing)? {
            memory::push(&mut findings, finding)?;
        }

        for (path, error) in survey.blocked {
            findings.push(Finding::new(path, &FindingKind::of(error)?));
        }
        let expected = "the digest of a blob as its name, found another";
        findings.extend(survey.strays.into_iter().map(|path| self.leftover(path, expected)));
        let left = hidden.into_iter().filter(|name| self.layout.is_left(name));
        let expected = "a writer that holds it, found none";
        findings.extend(left.map(|name| self.leftover(name.into(), expected)));
        findings.sort_unstable();
        Ok(findings)
    }

    /// What a file beside `blobs` says; `None` where something is wrong with it.
    fn read_file<T>(
        &self,
        name: &str,
        read: impl FnOnce() -> Result<T>,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<T>> {
        let problem = match self.layout.read_file(name) {
            Ok(_) => match read() {
                Ok(said) => return Ok(Some(said)),
                Err(error @ (Error::Format { .. } | Error::Unsupported(_))) => {
                    (FindingKind::Malformed, error.to_string())
                }
                Err(error) => FindingKind::of(error)?,
            },
            Err(error) => FindingKind::of(error)?,
        };
        findings.push(Finding::new(name, &problem));
        Ok(None)
    }

    fn sound(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.sound.lock()
    }

    /// How many bytes of a blob are to be hashed, if there is need to.
    fn to_hash(&self, size: u64, digest: &Digest) -> Option<u64> {
        let hash = !self.options.quick && digest.computable().is_ok();
        (hash && !self.sound().contains(digest)).then_some(size)
    }

    /// Looks at a blob, and says in the record what it is. It counts for `to_hash` bytes,
    /// however many there turn out to be.
    fn look_at(
        &self,
        digest: &Digest,
        to_hash: Option<u64>,
        record: &Record,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let mut uncounted = to_hash.unwrap_or_default();
        let looked = match to_hash {
            Some(_) => self.hash(digest, record, |read| {
                let counted = read.min(uncounted);
                uncounted -= counted;
                watch.advance(counted, 0)
            }),
            None => self.layout.blob_size(digest).map(|size| {
                record.found(digest, size);
            }),
        };
        if let Err(error) = looked {
            record.wrong(digest, FindingKind::of(error)?);
        }
        watch.advance(uncounted, 1)
    }

    /// Hashes a blob, piece by piece.
    fn hash(
        &self,
        digest: &Digest,
        record: &Record,
        mut count: impl FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        let mut reader = self.layout.open_found(digest)?;
        record.found(digest, reader.size());
        let mut piece = memory::bytes(PIECE)?;
        loop {
            match reader.read(&mut piece).map_err(Error::from_source)? {
                0 => break,
                read => count(read as u64)?,
            }
        }
        memory::insert(&mut self.sound(), digest.clone()).map(drop)
    }

    fn leftover(&self, path: PathBuf, expected: &str) -> Finding {
        let message = format!("{}: expected {expected}", self.layout.path_to(&path));
        Finding::new(path, &(FindingKind::Leftover, message))
    }
}
