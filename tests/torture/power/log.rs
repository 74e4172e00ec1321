//! The log of a disk, and what the disk may hold when the power goes.
//!
//! What a disk has flushed is there. Of the writes since, any may have reached
//! it and any other not, in whatever order they were sent.

use super::recording::Recording;
use crate::support::run;
use fastrand::Rng;
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

/// What a disk writes of a page is all of it.
const PAGE: usize = 4096;

/// The two numbers before the data of a record.
const HEAD: usize = 16;

pub struct Log {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

struct Record {
    offset: u64,
    /// Where its data stands in the log. A flush has none.
    data: Range<usize>,
}

/// What became of the writes that were not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// All have reached the disk.
    Kept,
    /// None has.
    Dropped,
    /// Some have.
    Mixed,
    /// Some pages of each have.
    Torn,
}

const FATES: [Fate; 4] = [Fate::Kept, Fate::Dropped, Fate::Mixed, Fate::Torn];

/// One way for the power to go: after so many records, and by this seed.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub records: usize,
    fate: Fate,
    seed: u64,
}

impl Cut {
    pub fn after(records: usize, random: &mut Rng) -> Self {
        Self { records, fate: *random.choice(&FATES).unwrap(), seed: random.u64(..) }
    }

    /// Whether this is one of the few on which time may be spent.
    pub fn is_sampled(self) -> bool {
        self.seed.is_multiple_of(5)
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{:?}:{}", self.records, self.fate, self.seed)
    }
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        if let [records, fate, seed] = parts.as_slice()
            && let (Ok(records), Ok(seed)) = (records.parse(), seed.parse())
            && let Some(fate) = FATES.into_iter().find(|known| format!("{known:?}") == *fate)
        {
            return Ok(Self { records, fate, seed });
        }
        Err(format!("expected a cut such as 100:Mixed:1, found {text}"))
    }
}

impl Log {
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let mut records = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let data = at + HEAD..at + HEAD + number(at + 8) as usize;
            records.push(Record { offset: number(at), data: data.clone() });
            at = data.end;
        }
        Self { bytes, records }
    }

    /// How many records were complete when the log had this length.
    pub fn records_at(&self, length: u64) -> usize {
        self.records.partition_point(|record| record.data.end as u64 <= length)
    }
}

/// The disk again, from the first record on.
pub struct Replay<'a> {
    log: &'a Log,
    path: PathBuf,
    /// What is on the disk for sure after so many records.
    disk: File,
    flushed: usize,
}

impl<'a> Replay<'a> {
    pub fn new(recording: &'a Recording) -> Self {
        let path = recording.folder.join("replayed");
        copy(&recording.folder.join("base"), &path);
        let disk = File::options().write(true).open(&path).unwrap();
        Self { log: &recording.log, path, disk, flushed: 0 }
    }

    /// Makes an image of what a cut leaves. Cuts must be in order.
    pub fn cut(&mut self, cut: Cut, image: &Path) {
        let before = &self.log.records[..cut.records];
        let is_flush = |record: &Record| record.data.is_empty();
        let flushed = before.iter().rposition(is_flush).map_or(0, |last| last + 1);
        for record in &before[self.flushed..flushed] {
            self.disk.write_all_at(self.data(record), record.offset).unwrap();
        }
        self.flushed = flushed;
        copy(&self.path, image);
        self.write_unflushed(&before[flushed..], cut, image);
    }

    fn write_unflushed(&self, records: &[Record], cut: Cut, image: &Path) {
        let image = File::options().write(true).open(image).unwrap();
        let mut random = Rng::with_seed(cut.seed);
        for record in records {
            let data = self.data(record);
            let piece = if cut.fate == Fate::Torn { PAGE } else { data.len() };
            for (number, data) in data.chunks(piece).enumerate() {
                let reached = match cut.fate {
                    Fate::Kept => true,
                    Fate::Dropped => false,
                    Fate::Mixed | Fate::Torn => random.bool(),
                };
                if reached {
                    image.write_all_at(data, record.offset + (number * piece) as u64).unwrap();
                }
            }
        }
    }

    fn data(&self, record: &Record) -> &[u8] {
        &self.log.bytes[record.data.clone()]
    }
}

/// Copies an image, and no more than there is in it.
pub fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("--sparse=always").arg(from).arg(to));
}
