//! The points at which a writer is stopped: a call, and what becomes of it.

use super::trace::{Call, SYNCS};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

#[derive(Clone, Debug)]
pub struct Point {
    pub call: Call,
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The writer is killed before the call is made, which is after the last.
    Kill,
    /// The call fails.
    Once(&'static str),
    /// The call fails, and all later ones of its name.
    FromThenOn(&'static str),
    /// The call is not made and returns this number, as if it was.
    Claims(usize),
}

impl Point {
    /// The point as strace is told of it.
    pub fn injection(&self) -> String {
        let Call { name, number, .. } = &self.call;
        match self.fault {
            Fault::Kill => format!("{name}:signal=KILL:when={number}"),
            Fault::Once(error) => format!("{name}:error={error}:when={number}"),
            Fault::FromThenOn(error) => format!("{name}:error={error}:when={number}+"),
            Fault::Claims(returned) => format!("{name}:retval={returned}:when={number}"),
        }
    }

    /// Whether it is a sync that fails for good, as one does that a signal
    /// interrupts, or that the kernel does not know, not.
    pub fn is_failed_sync(&self) -> bool {
        let (Fault::Once(error) | Fault::FromThenOn(error)) = self.fault else { return false };
        SYNCS.contains(&self.call.name.as_str()) && !["EINTR", "ENOSYS"].contains(&error)
    }
}

/// All points of these calls.
pub fn all(calls: &[Call]) -> Vec<Point> {
    calls.iter().flat_map(at).collect()
}

fn at(call: &Call) -> impl Iterator<Item = Point> {
    faults(call).into_iter().map(|fault| Point { call: call.clone(), fault })
}

/// So many of the points of these calls: first such of each kind, then others,
/// as the seed draws them.
pub fn some(calls: &[Call], count: usize, seed: u64) -> Vec<Point> {
    let all = all(calls);
    if all.len() <= count {
        return all;
    }
    let mut points = drawn(of_each_kind(calls, seed), seed);
    points.extend(drawn(all, seed));
    let mut known = HashSet::new();
    points.retain(|point| known.insert(point.injection()));
    points.truncate(count);
    points
}

/// For each kind of call the first, the second, the middle and the last, each
/// killed and made to fail.
fn of_each_kind(calls: &[Call], seed: u64) -> Vec<Point> {
    let mut kinds: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        kinds.entry(&call.kind).or_default().push(call);
    }
    let mut points = Vec::new();
    for calls in kinds.values() {
        let last = calls.len() - 1;
        for place in BTreeSet::from([0, last.min(1), last / 2, last]) {
            let (kill, failing) = at(calls[place]).partition(|p| p.fault == Fault::Kill);
            points.extend::<Vec<_>>(kill);
            points.extend(drawn(failing, seed).into_iter().next());
        }
    }
    points
}

/// Puts the points in the order of a seed's lots.
fn drawn(mut points: Vec<Point>, seed: u64) -> Vec<Point> {
    points.sort_by_cached_key(|point| lot(seed, point));
    points
}

fn lot(seed: u64, point: &Point) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, point.injection()).hash(&mut hasher);
    hasher.finish()
}

fn faults(call: &Call) -> Vec<Fault> {
    let mut faults = vec![Fault::Kill];
    if !call.on_layout {
        return faults;
    }
    for error in errors(&call.name) {
        faults.push(Fault::Once(error));
        // What is interrupted is tried again, for as long as it is.
        if *error != "EINTR" {
            faults.push(Fault::FromThenOn(error));
        }
    }
    if ["write", "pwrite64", "writev"].contains(&call.name.as_str()) {
        let written = call.returned.unwrap_or_default();
        faults.extend([0, written / 2, written].map(Fault::Claims));
    }
    faults
}

/// What a call can fail with, by its manual or where a kernel lacks it.
fn errors(call: &str) -> &'static [&'static str] {
    match call {
        "openat" => {
            &["EMFILE", "ENOSPC", "EDQUOT", "EIO", "EINTR", "EACCES", "EROFS", "EOPNOTSUPP"]
        }
        "mkdirat" => &["ENOSPC", "EDQUOT", "EIO", "EINTR", "EACCES", "EROFS"],
        "linkat" | "renameat" | "renameat2" => {
            &["ENOSPC", "EDQUOT", "EIO", "EINTR", "EACCES", "EROFS", "ENOSYS"]
        }
        "unlinkat" => &["EIO", "EINTR", "EACCES", "EROFS"],
        "write" | "pwrite64" | "writev" => &["ENOSPC", "EDQUOT", "EIO", "EINTR"],
        "fsync" | "fdatasync" => &["EIO", "ENOSPC", "EDQUOT", "EINTR"],
        "syncfs" => &["EIO", "ENOSPC", "EDQUOT", "EINTR", "ENOSYS"],
        "flock" => &["EINTR", "ENOLCK", "ENOSYS"],
        "close" => &["EIO", "EINTR", "ENOSPC", "EDQUOT"],
        "read" | "getdents64" | "lseek" | "fstat" => &["EIO", "EINTR"],
        "newfstatat" | "statx" => &["EACCES", "EIO", "EINTR", "ENOSYS"],
        _ => &["EACCES", "EIO", "EINTR", "ENOSPC", "EROFS", "ENOSYS"],
    }
}
