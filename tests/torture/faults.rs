//! Kill and fail: a writer is stopped at each of its system calls in turn.
//!
//! strace shows which calls of a writer touch the layout. Then the writer is run
//! once for each of them and each thing that can happen there: it is killed,
//! the call fails, once or from then on, or claims what it did not do. Whatever
//! happens, the layout is sound, and holds what it held before or what it holds
//! after, and the latter once that was acknowledged; the next writer gets on.

mod bites;
mod ground;
mod points;
mod state;
mod tools;
mod trace;
mod trial;
mod workloads;

use crate::Part;
use crate::checker::Checker;
use crate::support::{have_tools, report};
use ground::{FUSE, Ground, PLAIN};
use points::Point;
use std::process::ExitCode;
use std::sync::Mutex;
use trial::{Outcome, Trial};
use workloads::{WORKLOADS, Workload};

pub const PART: Part = Part { name: "faults", bounded, round, worker };

/// At one point of so many the tools are asked too.
const TOOLS_AT_ONE_OF: usize = 50;

/// So many of the points of a workload that are wrong are told of.
const SHOWN: usize = 10;

fn bounded() {
    let Some(plain) = ground(PLAIN) else { return };
    bites::check(&plain, &mut Checker::start());
    let mut wrong = try_all(&plain, 1, |workload| workload.tried);
    if let Some(fuse) = ground(FUSE) {
        wrong += try_all(&fuse, 1, |workload| workload.tried.min(5000) / 50);
    }
    assert_eq!(wrong, 0, "kill and fail: so many points are wrong");
}

fn round(seed: u64) {
    for (name, times) in [(PLAIN, 10), (FUSE, 1)] {
        let Some(ground) = ground(name) else { continue };
        let wrong = try_all(&ground, seed, |workload| workload.tried.saturating_mul(times));
        assert_eq!(wrong, 0, "kill and fail: so many points are wrong, seed {seed}");
    }
}

fn ground(name: &str) -> Option<Ground> {
    let have_tools = have_tools(&["strace", "timeout", "python3", "skopeo", "umoci"]);
    have_tools.then(|| Ground::named(name)).flatten()
}

/// Tries points of the workloads, so many of each, and says how many are wrong.
fn try_all(ground: &Ground, seed: u64, count: impl Fn(&Workload) -> usize) -> usize {
    let mut checker = Checker::start();
    let mut wrong = 0;
    for workload in WORKLOADS.iter().filter(|workload| count(workload) > 0) {
        let trial = Trial::new(workload, ground, &mut checker);
        let points = points::some(&trial.calls, count(workload), seed);
        let tally = Tally::of(&trial, &points);
        report(&format!("kill and fail: {} ({}): {tally}", workload.name, ground.name));
        tally.wrong.iter().take(SHOWN).for_each(|problem| report(problem));
        wrong += tally.wrong.len();
    }
    wrong
}

#[derive(Default)]
struct Tally {
    killed: usize,
    failed: usize,
    acknowledged: usize,
    wrong: Vec<String>,
}

impl Tally {
    /// Tries these points, some at a time.
    fn of(trial: &Trial, points: &[Point]) -> Self {
        let tally = Mutex::new(Self::default());
        let left = Mutex::new(points.iter().enumerate());
        let next = || left.lock().unwrap().next();
        let threads = std::thread::available_parallelism().map_or(1, usize::from) + 1;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut checker = Checker::start();
                    while let Some((n, point)) = next() {
                        let with_tools = n % TOOLS_AT_ONE_OF == 0;
                        let outcome = trial.try_at(point, with_tools, &mut checker);
                        tally.lock().unwrap().count(outcome);
                    }
                });
            }
        });
        tally.into_inner().unwrap()
    }

    fn count(&mut self, outcome: Result<Outcome, String>) {
        match outcome {
            Ok(Outcome { killed, acknowledged }) => {
                *if killed { &mut self.killed } else { &mut self.failed } += 1;
                self.acknowledged += usize::from(acknowledged);
            }
            Err(problem) => self.wrong.push(problem),
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { killed, failed, acknowledged, wrong } = self;
        let (points, wrong) = (killed + failed + wrong.len(), wrong.len());
        write!(f, "{points} points: {killed} killed, {failed} failed; ")?;
        write!(f, "{acknowledged} of these acknowledged, {wrong} wrong")
    }
}

fn worker(arguments: &[String]) -> ExitCode {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["write", workload, layout] => workloads::write(workload, layout.as_ref()),
        ["point", ground, workload, injection] => {
            again(ground, workloads::named(workload), injection)
        }
        _ => panic!("expected `write WORKLOAD LAYOUT`, found {arguments:?}"),
    }
}

/// Tries one point, as a failure tells of it.
fn again(ground: &str, workload: &'static Workload, injection: &str) -> ExitCode {
    let mut checker = Checker::start();
    let ground = Ground::named(ground).expect("the ground");
    let trial = Trial::new(workload, &ground, &mut checker);
    let mut points = points::all(&trial.calls).into_iter();
    let point = points.find(|point| point.injection() == injection).expect("a point");
    match trial.try_at(&point, true, &mut checker) {
        Ok(_) => ExitCode::SUCCESS,
        Err(problem) => {
            report(&problem);
            ExitCode::FAILURE
        }
    }
}
