//! Power cuts: after the power went, at any moment, a layout is sound and holds
//! all that was acknowledged.
//!
//! A writer works on a file system whose disk logs what is written to it. After
//! that the disk is made again as it may be when the power goes somewhere in the
//! log; the file system on it is mounted, which mends it by its journal; and the
//! layout is read.
//!
//! That this notices anything is shown by writers whose syncs do nothing.
//!
//! A cut that has failed can be looked at again, and the same can be done to other
//! writers: see `worker`.
//!
//! All of it happens in a space of mounts and processes of its own, which the
//! kernel takes away with all that is in it, however the test ends.

mod compare;
mod disk;
mod log;
mod mutants;
mod recording;
mod trial;
mod workload;

use crate::Part;
use crate::support::{have_tools, output, report, root, run, skip, spawn};
use disk::{FILESYSTEMS, Mounted, make_filesystem};
use fastrand::Rng;
use log::Cut;
use recording::{Recording, Stage};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use trial::try_cuts;

pub const PART: Part = Part { name: "power", bounded, round, worker };

const TOOLS: [&str; 11] = [
    "gcc",
    "mkfs.btrfs",
    "mkfs.ext4",
    "mkfs.xfs",
    "mount",
    "nbdfuse",
    "nbdkit",
    "python3",
    "strace",
    "umount",
    "unshare",
];

/// A piece of work that has a folder to itself.
type Job = Box<dyn FnOnce(&Path) + Send>;

fn bounded() {
    contain(&["bounded"]);
}

fn round(seed: u64) {
    contain(&["round", &seed.to_string()]);
}

fn worker(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["write", words @ ..] => workload::write(words),
        ["contained", scratch, words @ ..] => {
            end_with_parent();
            let scratch = Path::new(scratch);
            let _memory = Mounted::memory(scratch);
            if can_mount_all(scratch) {
                contained(scratch, words);
            }
        }
        ["again", ..] => contain(&words),
        ["compare"] => {
            compare::build();
            contain(&words);
        }
        _ => panic!("expected again FOLDER CUT, or compare, found {words:?}"),
    }
    ExitCode::SUCCESS
}

/// Does work where all that it mounts and starts ends with it.
fn contain(words: &[&str]) {
    if !have_tools(&TOOLS) {
        return;
    }
    let space = ["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];
    let probe = output(Command::new("unshare").args(space).arg("true"));
    if !probe.status.success() {
        return skip(&String::from_utf8_lossy(&probe.stderr));
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(space).arg(std::env::current_exe().unwrap());
    unshare.args(["power", "worker", "contained"]).arg(scratch.path()).args(words);
    let mut contained = spawn(unshare.stdin(Stdio::piped()));
    // To wait closes it, by which the other side would think that we have ended.
    let _lifeline = contained.stdin.take();
    let status = contained.wait().unwrap();
    assert!(status.success(), "{unshare:?}: {status}");
}

/// Signals from the terminal do not reach the first process of a space, but those
/// who started it.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
}

fn can_mount_all(scratch: &Path) -> bool {
    let (image, mount) = (scratch.join("image"), scratch.join("mount"));
    std::fs::create_dir(&mount).unwrap();
    FILESYSTEMS.iter().all(|filesystem| {
        make_filesystem(filesystem, &image);
        let mounted = Mounted::image(filesystem, &image, &mount);
        mounted.inspect_err(|error| skip(error)).is_ok()
    })
}

fn contained(scratch: &Path, words: &[&str]) {
    match words {
        ["bounded"] => {
            let mut jobs = trials(&[("full", 170), ("ordered", 40)], 1);
            jobs.extend(mutants::telling(1));
            side_by_side(scratch, jobs);
        }
        ["round", seed] => {
            let seed: u64 = seed.parse().unwrap();
            let mut jobs = Vec::new();
            for part in 0..4 {
                jobs.extend(trials(&[("full", 250), ("ordered", 80)], seed * 4 + part));
            }
            jobs.extend(mutants::all(seed));
            side_by_side(scratch, jobs);
        }
        ["again", folder, cut] => again(Path::new(folder), cut.parse().unwrap()),
        ["compare"] => compare::compare(scratch),
        _ => panic!("{words:?}"),
    }
}

/// Does as many jobs at a time as there are processors.
fn side_by_side(scratch: &Path, jobs: Vec<Job>) {
    let jobs = Mutex::new(jobs.into_iter().enumerate());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                loop {
                    let next = jobs.lock().unwrap().next();
                    let Some((number, job)) = next else { return };
                    let folder = scratch.join(number.to_string());
                    std::fs::create_dir(&folder).unwrap();
                    job(&folder);
                    std::fs::remove_dir_all(&folder).unwrap();
                }
            });
        }
    });
}

/// So many states of each file system for each durability.
fn trials(states: &[(&'static str, usize)], seed: u64) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for &(durability, states) in states {
        for filesystem in FILESYSTEMS {
            jobs.push(Box::new(move |folder| trial(folder, filesystem, durability, states, seed)));
        }
    }
    jobs
}

fn trial(folder: &Path, filesystem: &str, durability: &str, states: usize, seed: u64) {
    let recording = Recording::make(folder, filesystem, durability, seed, |stage| {
        stage.acknowledge(None);
        stage.run(&mut writer(stage, "mixed", durability, seed));
    });
    let tally = try_cuts(&recording, &recording.cuts(states, &mut Rng::with_seed(seed)), true);
    report(&format!("power cuts: {filesystem} {durability}, seed {seed}: {tally}"));
    if let Some((cut, problem)) = tally.failure {
        let kept = root().join(format!("target/power-cuts/{filesystem}-{durability}-{seed}"));
        std::fs::create_dir_all(&kept).unwrap();
        run(Command::new("cp").args(["--archive", "--sparse=always", "-T"]).arg(folder).arg(&kept));
        let again = "cargo test --test torture -- power worker again";
        panic!("{problem}\nto see it again: {again} {} {cut}", kept.display());
    }
}

/// Tries a cut of a recording that was kept.
fn again(folder: &Path, cut: Cut) {
    let recording = Recording::open(folder);
    let tally = try_cuts(&recording, &[cut], true);
    let found = tally.failure.map_or("it is sound".to_owned(), |(_, problem)| problem);
    report(&format!("power cuts: {cut}: {found}"));
    report(&format!("the disk, mended: {}", folder.join("image").display()));
}

/// The process that edits the layout of a stage.
fn writer(stage: &Stage, workload: &str, durability: &str, seed: u64) -> Command {
    let mut writer = Command::new(std::env::current_exe().unwrap());
    writer.args(["power", "worker", "write"]).arg(&stage.layout);
    writer.args([workload, durability, &seed.to_string()]);
    writer
}
