//! A writer is stopped at a point, and what it leaves is looked at.

use super::ground::Ground;
use super::points::{Fault, Point};
use super::state::State;
use super::tools;
use super::trace::{self, Call, Run};
use super::workloads::{self, Workload};
use crate::checker::Checker;
use crate::support::run;
use ocilayout::{Layout, Matcher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// What the writer says of an edit that can be seen, where the disk has not taken
/// all of it.
const MADE_ALL_THE_SAME: &str = "the change was made";

/// A workload, and how it goes where nothing stops it.
pub struct Trial<'a> {
    workload: &'static Workload,
    ground: &'a Ground,
    /// What the writer finds, to be copied.
    found: TempDir,
    before: State,
    after: State,
    pub calls: Vec<Call>,
}

/// What came of a point at which nothing was wrong.
pub struct Outcome {
    pub killed: bool,
    pub acknowledged: bool,
}

impl<'a> Trial<'a> {
    pub fn new(workload: &'static Workload, ground: &'a Ground, checker: &mut Checker) -> Self {
        let found = ground.place();
        (workload.before)(&layout_in(&found)).unwrap();
        let before = State::of(&layout_in(&found), checker).unwrap();
        let (calls, after) = undisturbed(workload, copy_of(&found, ground), checker);
        let (again, _) = undisturbed(workload, copy_of(&found, ground), checker);
        // Else strace's numbers would be those of other calls.
        let differing = calls.iter().zip(&again).find(|(one, other)| one != other);
        let same = differing.is_none() && calls.len() == again.len();
        assert!(same, "{}: two runs made different calls: {differing:?}", workload.name);
        Self { workload, ground, found, before, after, calls }
    }

    /// Stops a writer at this point and looks at what it leaves.
    ///
    /// # Errors
    /// What is wrong, with what repeats it.
    pub fn try_at(
        &self,
        point: &Point,
        with_tools: bool,
        checker: &mut Checker,
    ) -> Result<Outcome, String> {
        let place = copy_of(&self.found, self.ground);
        let layout = layout_in(&place);
        let (name, fault) = (self.workload.name, point.injection());
        let run = trace::run_with(&fault, &point.call.name, name, &layout);
        self.judge(point, &run, &layout, with_tools, checker).map_err(|problem| {
            format!(
                "{problem}\n    at {}\n    the writer said: {}\n    again by: \
                 cargo test --test torture -- faults worker point {} '{name}' {fault}",
                point.call.kind,
                run.error(),
                self.ground.name
            )
        })
    }

    fn judge(
        &self,
        point: &Point,
        run: &Run,
        layout: &Path,
        with_tools: bool,
        checker: &mut Checker,
    ) -> Result<Outcome, String> {
        let outcome = outcome(point, run)?;
        let now = State::of(layout, checker)?;
        let known: &[&State] = match (outcome.acknowledged, outcome.killed) {
            (true, _) => &[&self.after],
            (false, true) => &[&self.before, &self.after],
            (false, false) if run.error().contains(MADE_ALL_THE_SAME) => &[&self.after],
            (false, false) => &[&self.before],
        };
        if !known.iter().any(|known| known.entries == now.entries) {
            return Err(format!("the entries are not as they should be: {}", now.told()));
        }
        if outcome.acknowledged && now.blobs != self.after.blobs {
            return Err("a blob is missing".to_owned());
        }
        now.check_blobs_between(&self.before, &self.after)?;
        if point.is_failed_sync() {
            run.check_sync_was_final()?;
        }
        self.go_on(layout, &now, checker)?;
        if with_tools {
            tools::read_and_write(layout)?;
        }
        Ok(outcome)
    }

    /// The next writer must get on with what the last one left, and tidy it up.
    fn go_on(&self, layout: &Path, before: &State, checker: &mut Checker) -> Result<(), String> {
        let added = workloads::write_after(layout).map_err(|error| format!("next: {error}"))?;
        let now = State::of(layout, checker)?;
        let mut entries = before.entries.clone().unwrap_or_default();
        entries.push(added);
        if now.entries.as_ref() != Some(&entries) {
            return Err(format!("{} became {}", before.told(), now.told()));
        }
        if !now.left.is_empty() {
            return Err(format!("the next writer left {:?} behind", now.left));
        }
        if let Some(digest) = now.unreferenced.difference(&before.unreferenced).next() {
            return Err(format!("the next writer put {digest}, which nothing points at"));
        }
        let listed = Layout::open(layout).and_then(|layout| layout.list(&Matcher::any()));
        let listed = listed.map_err(|error| format!("the library reads: {error}"))?;
        let digests = listed.iter().map(|entry| entry.digest().as_str());
        if !digests.eq(entries.iter().map(|(_, digest)| digest.as_str())) {
            return Err(format!("the library lists something else than {}", now.told()));
        }
        Ok(())
    }
}

/// How the writer ended, if it was as a writer may that was stopped here.
fn outcome(point: &Point, run: &Run) -> Result<Outcome, String> {
    let killed = run.killed();
    let as_told = if point.fault == Fault::Kill { killed } else { run.injected() };
    let acknowledged = match run.status().code() {
        _ if killed && point.fault == Fault::Kill => run.acknowledged(),
        Some(0) => true,
        Some(1) => false,
        Some(124) => return Err("the writer hangs".to_owned()),
        _ => return Err(format!("the writer broke down: {}", run.status())),
    };
    if !as_told {
        return Err("the call was not reached".to_owned());
    }
    if !acknowledged && point.fault == Fault::Once("EINTR") {
        return Err("an interrupted call was not made again".to_owned());
    }
    Ok(Outcome { killed, acknowledged })
}

fn undisturbed(workload: &Workload, place: TempDir, checker: &mut Checker) -> (Vec<Call>, State) {
    let layout = layout_in(&place);
    let run = trace::run(workload.name, &layout);
    assert!(run.acknowledged() && run.status().success(), "{}: {}", workload.name, run.error());
    (run.calls(place.path()), State::of(&layout, checker).unwrap())
}

/// Where the layout stands in its folder.
fn layout_in(place: &TempDir) -> PathBuf {
    place.path().join("layout")
}

/// A copy for a writer, old enough that he trusts the times of its files. What was changed
/// just before he compares, and so he would make other calls, as the clock has it.
fn copy_of(found: &TempDir, ground: &Ground) -> TempDir {
    let place = ground.place();
    run(Command::new("cp").arg("-a").arg(found.path().join(".")).arg(place.path()));
    thread::sleep(Duration::from_millis(15));
    place
}
