//! A recording: the log of a disk on which a layout was edited, and what had been
//! acknowledged by when.

use super::disk::{LoggedDisk, Mounted, make_filesystem};
use super::log::{Cut, Log};
use crate::support::spawn;
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The name, if it has one, and the digest of each entry, in order.
pub type Entries = Vec<(Option<String>, String)>;

/// All of it is in one folder.
pub struct Recording {
    pub folder: PathBuf,
    pub log: Log,
    pub notes: Notes,
}

#[derive(Serialize, Deserialize)]
pub struct Notes {
    pub filesystem: String,
    pub durability: String,
    pub acknowledged: Vec<Acknowledged>,
}

/// What the layout holds when the log has this length.
#[derive(Serialize, Deserialize)]
pub struct Acknowledged {
    length: u64,
    /// `None` is no layout.
    pub entries: Option<Entries>,
}

/// Where a layout is edited while the disk is logged.
pub struct Stage<'a> {
    pub layout: PathBuf,
    disk: &'a LoggedDisk,
    acknowledged: Vec<Acknowledged>,
}

impl Stage<'_> {
    /// What is there now must stay.
    pub fn acknowledge(&mut self, entries: Option<Entries>) {
        self.acknowledged.push(Acknowledged { length: self.disk.logged(), entries });
    }

    /// Runs a writer, who waits after each edit until it is noted how long the
    /// log is.
    pub fn run(&mut self, writer: &mut Command) {
        let mut child = spawn(writer.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let mut orders = child.stdin.take().unwrap();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            self.acknowledge(Some(serde_json::from_str(&line.unwrap()).unwrap()));
            orders.write_all(b"\n").unwrap();
        }
        let status = child.wait().unwrap();
        assert!(status.success(), "{writer:?}: {status}");
    }
}

impl Recording {
    /// Records in a folder what `write` does, with a neighbour beside it.
    pub fn make(
        folder: &Path,
        filesystem: &str,
        durability: &str,
        seed: u64,
        write: impl FnOnce(&mut Stage),
    ) -> Self {
        let (base, mount) = (folder.join("base"), folder.join("mount"));
        std::fs::create_dir(&mount).unwrap();
        make_filesystem(filesystem, &base);
        let disk = LoggedDisk::start(&base, folder);
        let mounted = Mounted::image(filesystem, &disk.device, &mount).unwrap();
        let mut stage =
            Stage { layout: mount.join("layout"), disk: &disk, acknowledged: Vec::new() };
        std::thread::scope(|scope| {
            let (_at_work, end) = channel();
            scope.spawn(|| live_beside(&mount, seed, end));
            write(&mut stage);
        });
        let notes = Notes {
            filesystem: filesystem.to_owned(),
            durability: durability.to_owned(),
            acknowledged: stage.acknowledged,
        };
        drop(mounted);
        drop(disk);
        serde_json::to_writer(File::create(folder.join("notes")).unwrap(), &notes).unwrap();
        Self::open(folder)
    }

    pub fn open(folder: &Path) -> Self {
        let notes = File::open(folder.join("notes")).unwrap();
        Self {
            folder: folder.to_owned(),
            log: Log::read(&folder.join("log")),
            notes: serde_json::from_reader(notes).unwrap(),
        }
    }

    /// How many records the log had at each acknowledgement.
    pub fn ends(&self) -> Vec<usize> {
        let acknowledged = self.notes.acknowledged.iter();
        acknowledged.map(|known| self.log.records_at(known.length)).collect()
    }

    /// Ways for the power to go, in the order of the log. Each edit has the same
    /// share in them, however much it wrote, and so has its acknowledgement.
    pub fn cuts(&self, count: usize, random: &mut Rng) -> Vec<Cut> {
        let ends = self.ends();
        let mut cuts: Vec<Cut> = (0..count)
            .map(|_| {
                let edit = random.usize(..ends.len() - 1);
                let (begin, end) = (ends[edit], ends[edit + 1]);
                let inside = begin + random.usize(..=end - begin);
                let records = if random.u8(..4) == 0 { end } else { inside };
                Cut::after(records, random)
            })
            .collect();
        cuts.sort_by_key(|cut| cut.records);
        cuts
    }
}

/// Somebody else on the same file system. Whatever he waits for, the file system
/// may write the names of others with it, and their content or not.
fn live_beside(mount: &Path, seed: u64, end: Receiver<()>) {
    let mut random = Rng::with_seed(seed);
    let mut file = File::create(mount.join("neighbour")).unwrap();
    loop {
        let wait = Duration::from_millis(*random.choice(&[1, 2, 5, 20]).unwrap());
        if end.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        if random.bool() {
            rustix::fs::syncfs(&file).unwrap();
        } else {
            file.write_all(b"a line\n").unwrap();
            file.sync_all().unwrap();
        }
    }
}
