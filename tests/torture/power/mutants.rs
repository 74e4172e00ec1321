//! Writers with one sync that does nothing. If no cut shows that, either the sync
//! is for nothing or the cuts are.
//!
//! `strace` lets a system call return without being made, so nothing of the
//! library is changed for this. Which ones there are is read from a trace.

use super::disk::FILESYSTEMS;
use super::recording::Recording;
use super::trial::try_cuts;
use super::{Job, writer};
use crate::support::report;
use fastrand::Rng;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const STATES: usize = 60;

const ATTEMPTS: u64 = 4;

const SYNCS: &str = "fsync,fdatasync,syncfs";

/// Edits of few blobs and of many, for which a store may wait in different ways.
const WORKLOADS: [&str; 2] = ["appends", "many"];

/// What a sync waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Target {
    Blob,
    NamesOfBlobs,
    Index,
    NamesInRoot,
    /// All that is in it.
    FileSystem,
}

use Target::{Blob, FileSystem, Index, NamesInRoot, NamesOfBlobs};

impl Target {
    fn words(self) -> &'static str {
        match self {
            Blob => "the content of a blob",
            NamesOfBlobs => "the names of the blobs",
            Index => "the content of index.json",
            NamesInRoot => "the name of index.json",
            FileSystem => "the file system",
        }
    }

    /// The others write names in the order in which they were given, so those of
    /// the blobs are there when that of the index is.
    fn is_shown_by(self, filesystem: &str) -> bool {
        self != NamesOfBlobs || filesystem == "btrfs"
    }

    fn is_best_shown_by(self, filesystem: &str) -> bool {
        match self {
            Blob | NamesInRoot => filesystem == "ext4",
            Index | FileSystem => filesystem == "xfs",
            NamesOfBlobs => filesystem == "btrfs",
        }
    }
}

/// A call that waits, and which one of its kind since the writer was started.
struct Sync {
    target: Target,
    call: String,
    number: usize,
    path: PathBuf,
}

/// Each sync on the file system that shows it best.
pub fn telling(seed: u64) -> Vec<Job> {
    let mut jobs = without_one_sync(Target::is_best_shown_by, seed);
    jobs.extend(with_gross_mistakes("ext4", seed));
    jobs
}

/// Each sync on each file system that shows it.
pub fn all(seed: u64) -> Vec<Job> {
    let mut jobs = without_one_sync(Target::is_shown_by, seed);
    for filesystem in FILESYSTEMS {
        jobs.extend(with_gross_mistakes(filesystem, seed));
    }
    jobs
}

fn without_one_sync(wanted: fn(Target, &str) -> bool, seed: u64) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for filesystem in FILESYSTEMS {
        for workload in WORKLOADS {
            jobs.push(Box::new(move |folder| {
                let bench = Bench { folder, filesystem, workload, seed };
                let edits = bench.syncs();
                for target in [Blob, NamesOfBlobs, Index, NamesInRoot, FileSystem] {
                    if wanted(target, filesystem)
                        && let Some(arguments) = skip_in_each(&edits, target)
                    {
                        bench.must_fail(&format!("no sync of {}", target.words()), &arguments);
                    }
                }
            }));
        }
    }
    jobs
}

fn with_gross_mistakes(filesystem: &'static str, seed: u64) -> Vec<Job> {
    vec![
        Box::new(move |folder| {
            let bench = Bench { folder, filesystem, workload: "appends", seed };
            bench.must_fail("no sync at all", &["-e".into(), format!("inject={SYNCS}:retval=0")]);
        }),
        Box::new(move |folder| {
            let bench = Bench { folder, filesystem, workload: "entry-first", seed };
            bench.must_fail("no blob before its entry", &[]);
        }),
    ]
}

struct Bench<'a> {
    folder: &'a Path,
    filesystem: &'static str,
    workload: &'static str,
    seed: u64,
}

impl Bench<'_> {
    /// Whether a cut hits what is wrong is a matter of chance, so there are some
    /// attempts.
    fn must_fail(&self, how: &str, strace: &[String]) {
        let shown = (self.seed..self.seed + ATTEMPTS).any(|seed| {
            let recording = self.record(seed, strace);
            let cuts = recording.cuts(STATES, &mut Rng::with_seed(seed));
            let tally = try_cuts(&recording, &cuts, false);
            let Self { filesystem, workload, .. } = self;
            report(&format!("power cuts: {filesystem} {workload}, {how}, seed {seed}: {tally}"));
            tally.failure.is_some()
        });
        assert!(shown, "expected that cuts show what is wrong, found none that does");
    }

    /// Records a writer under `strace`, at the place of the last one.
    fn record(&self, seed: u64, arguments: &[String]) -> Recording {
        std::fs::remove_dir_all(self.folder).unwrap();
        std::fs::create_dir(self.folder).unwrap();
        Recording::make(self.folder, self.filesystem, "full", seed, |stage| {
            stage.acknowledge(None);
            let writer = writer(stage, self.workload, "full", seed);
            let mut strace = Command::new("strace");
            strace.args(["-qq", "-y", "-s1", "-o"]).arg(self.folder.join("trace"));
            strace.args(["-e", &format!("trace={SYNCS},write")]).args(arguments);
            stage.run(strace.arg(writer.get_program()).args(writer.get_args()));
        })
    }

    /// The syncs of each edit, but for those that make directories.
    fn syncs(&self) -> Vec<Vec<Sync>> {
        self.record(self.seed, &[]);
        let trace = std::fs::read_to_string(self.folder.join("trace")).unwrap();
        let mut edits = parse(&trace, &self.folder.join("mount/layout"));
        edits.split_off(2)
    }
}

/// The syncs between the acknowledgements, which are written to standard output.
fn parse(trace: &str, layout: &Path) -> Vec<Vec<Sync>> {
    let mut edits = vec![Vec::new()];
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    for line in trace.lines() {
        // Such as: fsync(4</folder>) = 0
        let (call, rest) = line.split_once('(').unwrap();
        let (descriptor, rest) = rest.split_once('<').unwrap();
        if call != "write" {
            let path = Path::new(rest.split_once('>').unwrap().0);
            let number = numbers.entry(call).or_default();
            *number += 1;
            let target = target(call, path, layout);
            let sync = Sync { target, call: call.into(), number: *number, path: path.into() };
            edits.last_mut().unwrap().push(sync);
        } else if descriptor == "1" && !edits.last().unwrap().is_empty() {
            edits.push(Vec::new());
        }
    }
    edits.pop();
    edits
}

fn target(call: &str, path: &Path, layout: &Path) -> Target {
    let blobs = layout.join("blobs");
    if call == "syncfs" {
        FileSystem
    } else if path == layout {
        NamesInRoot
    } else if path.parent() == Some(layout) && path != blobs {
        Index
    } else if path.parent().and_then(Path::parent) == Some(&blobs) {
        Blob
    } else {
        NamesOfBlobs
    }
}

/// The arguments of `strace` that take a sync of each edit away; `None` if there
/// is none of that kind.
fn skip_in_each(edits: &[Vec<Sync>], target: Target) -> Option<Vec<String>> {
    let lasts = edits.iter().filter_map(|edit| edit.iter().rfind(|sync| sync.target == target));
    let syncs: Vec<&Sync> = lasts.collect();
    let first = syncs.first()?;
    let skip = format!("inject={}:retval=0", first.call);
    match target {
        FileSystem => Some(vec!["-e".into(), skip]),
        NamesOfBlobs | NamesInRoot => {
            Some(vec!["-P".into(), first.path.to_str().unwrap().into(), "-e".into(), skip])
        }
        // Files have no names when they are synced, so they are counted.
        Blob | Index => {
            let numbers: Vec<usize> = syncs.iter().map(|sync| sync.number).collect();
            let step = numbers[1] - numbers[0];
            assert!(numbers.windows(2).all(|pair| pair[1] - pair[0] == step), "{numbers:?}");
            Some(vec!["-e".into(), format!("{skip}:when={}+{step}", first.number)])
        }
    }
}
