//! Torture: what the library promises is tried where it is hardest to keep.
//!
//! `cargo test --test torture` runs a bounded form of each part, and
//! `cargo test --test torture -- NAME` that of one. `make soak` runs them for
//! hours: `-- soak`, with `--seed N` to begin with another seed, and a file
//! that says how far it came, so that it can be stopped and started again.
//!
//! Each part prints how many points it tried. A part starts this program again
//! for the processes that it kills: `-- PART worker ...`.

#[path = "../support/mod.rs"]
mod support;

mod budget;
mod checker;
mod crowd;
mod faults;
mod power;

use std::process::ExitCode;

struct Part {
    name: &'static str,
    bounded: fn(),
    /// One round of the form that takes long, for this seed.
    round: fn(u64),
    worker: fn(&[String]) -> ExitCode,
}

const PARTS: &[Part] = &[budget::PART, faults::PART, power::PART, crowd::PROCESSES, crowd::THREADS];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [part, "worker", ..] => {
            let part = PARTS.iter().find(|known| known.name == *part).expect("a part");
            return (part.worker)(&arguments[2..]);
        }
        ["soak", rest @ ..] => soak(rest),
        _ => bounded(&words),
    }
    ExitCode::SUCCESS
}

/// As the test runner of Rust does: all, or those whose name contains a word.
fn bounded(words: &[&str]) {
    let wanted: Vec<_> = words.iter().filter(|word| !word.starts_with("--")).collect();
    for part in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| part.name.contains(**word)) {
            (part.bounded)();
        }
    }
}

/// Runs round after round, each with the next seed, until it is stopped or one
/// fails. The next seed is kept in `target/soak`.
fn soak(words: &[&str]) {
    let place = support::root().join("target/soak");
    let mut seed = match words {
        ["--seed", seed] => seed.parse().expect("--seed: expected a number"),
        [] => std::fs::read_to_string(&place).map_or(1, |seed| seed.trim().parse().unwrap_or(1)),
        _ => panic!("soak: expected nothing or --seed N, found {words:?}"),
    };
    loop {
        support::report(&format!("soak: seed {seed}"));
        for part in PARTS {
            (part.round)(seed);
        }
        seed += 1;
        std::fs::write(&place, seed.to_string()).unwrap();
    }
}
