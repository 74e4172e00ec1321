//! What is wrong on purpose must be noticed, or all else proves nothing.

use super::ground::Ground;
use super::points::{Fault, Point};
use super::trace::Call;
use super::trial::Trial;
use super::workloads::{self, DEAF, IN_PLACE, Workload};
use crate::checker::Checker;
use crate::support::report;

/// Who does what, at which call and fault, and what is to be said of it.
type Wrong = (&'static Workload, &'static str, Fault, &'static str);

pub fn check(ground: &Ground, checker: &mut Checker) {
    let (append, put) = (workloads::named("append"), workloads::named("put one"));
    let wrong: [Wrong; 4] = [
        (IN_PLACE, "write", Fault::Kill, "index.json is torn"),
        (DEAF, "fsync", Fault::Once("EIO"), "something was published"),
        (append, "renameat", Fault::Claims(0), "the entries are not as they should be"),
        (put, "linkat", Fault::Claims(0), "a blob is missing"),
    ];
    for (workload, call, fault, expected) in wrong {
        let trial = Trial::new(workload, ground, checker);
        let on_layout = |known: &&Call| known.on_layout && known.name.starts_with(call);
        let call = trial.calls.iter().rfind(on_layout).expect("such a call").clone();
        let problem = trial.try_at(&Point { call, fault }, false, checker).err();
        let problem = problem.expect("what is wrong on purpose is noticed");
        assert!(problem.contains(expected), "expected {expected:?}, found {problem}");
    }
    report(&format!("kill and fail: {} that are wrong on purpose are noticed", wrong.len()));
}
