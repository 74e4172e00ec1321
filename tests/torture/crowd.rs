//! A crowd on one layout: processes that edit it, are killed and replaced at any
//! time, beside others that read it; and threads that do the same.
//!
//! Each member edits names of its own, so that what all of them did is known
//! whatever their order was: each name shows what the last of its owner's edits
//! made of it.

mod collector;
mod members;
mod outside;
mod plan;
mod processes;
mod readers;
mod threads;

use crate::Part;
use crate::checker::Checker;
use crate::support::report;
use ocilayout::{Durability, Matcher, OpenOptions};
use plan::Plan;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub const PROCESSES: Part =
    Part { name: "crowd", bounded: processes, round: round_of_processes, worker };
pub const THREADS: Part =
    Part { name: "crowd-threads", bounded: threads, round: round_of_threads, worker };

#[derive(Clone, Copy)]
struct Crowd {
    seed: u64,
    members: u32,
    edits: usize,
    durability: Durability,
}

fn processes() {
    let crowd = Crowd { seed: 1, members: 32, edits: 200, durability: Durability::None };
    processes::run(crowd);
    processes::run(Crowd { members: 8, edits: 25, durability: Durability::Full, ..crowd });
}

fn round_of_processes(seed: u64) {
    processes::run(larger(seed));
}

fn worker(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["member", layout, log, seed, member, edits, durability] => {
            let plan = Plan { seed: number_of(seed), member: number_of(member) };
            let layout = OpenOptions::new().durability(durability_of(durability)).open(layout);
            members::run(&layout.unwrap(), Path::new(log), plan, number_of(edits));
        }
        ["reader", layout] => until_input_ends(|over| readers::look_until(over, Path::new(layout))),
        ["collector", layout] => {
            until_input_ends(|over| collector::collect_until(over, Path::new(layout)));
        }
        _ => panic!("crowd worker: found {words:?}"),
    }
    ExitCode::SUCCESS
}

/// Does something until standard input ends, and then prints how much it was.
fn until_input_ends(act: impl Fn(&AtomicBool) -> usize + Sync) {
    let over = AtomicBool::new(false);
    let done = std::thread::scope(|scope| {
        let acting = scope.spawn(|| act(&over));
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        over.store(true, Ordering::Relaxed);
        acting.join().unwrap()
    });
    println!("{done}");
}

fn threads() {
    let crowd = Crowd { seed: 1, members: 32, edits: 20, durability: Durability::None };
    threads::run(crowd, 1);
    threads::run(crowd, 8);
}

fn round_of_threads(seed: u64) {
    threads::run(larger(seed), 1);
    threads::run(larger(seed), 8);
}

/// What one round of hours of them tries.
fn larger(seed: u64) -> Crowd {
    let durability = [Durability::None, Durability::Ordered, Durability::Full];
    Crowd { seed, members: 32, edits: 300, durability: durability[(seed % 3) as usize] }
}

impl Crowd {
    fn plans(self) -> impl Iterator<Item = Plan> {
        (0..self.members).map(move |member| Plan { seed: self.seed, member })
    }

    /// A place for the layout: on a disk if that is to be waited for. Else in
    /// memory, so that the figures are those of the library: ext4 without a
    /// journal looks at each file that was removed within the last minute before
    /// it makes a new one, and here each edit removes one.
    fn scratch(self) -> TempDir {
        tempfile::tempdir_in(match self.durability {
            Durability::None => "/dev/shm",
            Durability::Ordered | Durability::Full => env!("CARGO_TARGET_TMPDIR"),
        })
        .unwrap()
    }

    /// Asserts that the layout shows what all members did, and has nothing else
    /// left in it once there was a last writer.
    fn check(self, layout: &Path) {
        let last = OpenOptions::new().open(layout).unwrap();
        last.remove(&Matcher::AnyOf(Vec::new())).unwrap();
        drop(last);
        let answer = Checker::start().check(layout);
        assert_eq!(answer.problems, [""; 0], "{self}");
        assert_eq!(answer.left, [""; 0], "{self}");
        let mut names = 0;
        for plan in self.plans() {
            let shown = plan::shown(&plan.edits(self.edits));
            assert_eq!(outside::shown(layout, &plan.prefix()), shown, "{self}: {plan}");
            names += shown.len();
        }
        assert_eq!(answer.entries.len(), names, "{self}");
        let unreferenced = answer.unreferenced.len();
        report(&format!("{self}: all of {names} names right, {unreferenced} blobs unreferenced"));
    }

    /// Says how quick they were.
    fn report(self, how: &str, took: Duration, edits: &[Duration], reads: usize, layout: &Path) {
        let rate = edits.len() as f64 / took.as_secs_f64();
        let longest = edits.iter().max().unwrap().as_secs_f64() * 1000.0;
        let index = layout.join("index.json").metadata().unwrap().len() / 1024;
        report(&format!(
            "{self}, {how}: {rate:.0} a second, the longest took {longest:.0} ms; \
             {reads} reads of an index of {index} KiB"
        ));
    }
}

impl std::fmt::Display for Crowd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, members, edits, durability } = self;
        write!(f, "crowd: seed {seed}: {members} x {edits} edits, durability {durability:?}")
    }
}

fn number_of<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn durability_of(word: &str) -> Durability {
    match word {
        "None" => Durability::None,
        "Ordered" => Durability::Ordered,
        "Full" => Durability::Full,
        _ => panic!("expected a durability, found {word:?}"),
    }
}
