//! A trial: what cuts of a recording leave, each mounted and judged.

use super::disk::Mounted;
use super::log::{Cut, Replay};
use super::recording::{Entries, Recording};
use super::workload::put_image;
use crate::checker::Checker;
use ocilayout::{Append, Descriptor, FindingKind, Layout, Matcher, OpenOptions, VerifyOptions};
use std::fmt;
use std::path::Path;

#[derive(Default)]
pub struct Tally {
    states: usize,
    pub inconsistent: usize,
    pub lost: usize,
    /// The first that was not as it should be.
    pub failure: Option<(Cut, String)>,
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, inconsistent, lost, .. } = self;
        write!(out, "{states} states, {inconsistent} inconsistent, {lost} acknowledged edits lost")
    }
}

enum Failure {
    /// An edit that was acknowledged is not there.
    Lost(String),
    Inconsistent(String),
}

/// Tries cuts, which must be in order. With `library`, our library has to read
/// what they leave as well, and to write to some of it.
pub fn try_cuts(recording: &Recording, cuts: &[Cut], library: bool) -> Tally {
    let image = recording.folder.join("image");
    let mut replay = Replay::new(recording);
    let mut trial = Trial { recording, checker: Checker::start(), library };
    let mut tally = Tally::default();
    for cut in cuts {
        replay.cut(*cut, &image);
        tally.states += 1;
        let verdict = match trial.look(&image, cut.is_sampled()) {
            Ok(found) => judge(recording, *cut, &found),
            Err(problem) => Err(Failure::Inconsistent(problem)),
        };
        let problem = match verdict {
            Ok(()) => continue,
            Err(Failure::Lost(problem)) => {
                tally.lost += 1;
                problem
            }
            Err(Failure::Inconsistent(problem)) => {
                tally.inconsistent += 1;
                problem
            }
        };
        tally.failure.get_or_insert((*cut, problem));
    }
    tally
}

struct Trial<'a> {
    recording: &'a Recording,
    checker: Checker,
    library: bool,
}

impl Trial<'_> {
    /// The entries of the layout on an image; `None` if there is no layout.
    fn look(&mut self, image: &Path, sampled: bool) -> Result<Option<Entries>, String> {
        let mount = self.recording.folder.join("mount");
        let _mounted = Mounted::image(&self.recording.notes.filesystem, image, &mount)?;
        let layout = mount.join("layout");
        let found = self.check(&layout)?;
        if self.library {
            if let Some(entries) = &found {
                ask_library(&layout, entries)?;
            }
            if sampled {
                self.write_next(&layout, found.clone())?;
            }
        }
        Ok(found)
    }

    fn check(&mut self, layout: &Path) -> Result<Option<Entries>, String> {
        // What is there before its marker is not yet a layout.
        if layout.join("oci-layout").symlink_metadata().is_err() {
            return Ok(None);
        }
        let answer = self.checker.check(layout);
        if answer.problems.is_empty() {
            return Ok(Some(answer.entries));
        }
        Err(answer.problems.join("; "))
    }

    /// The next writer finds all as it should be, and leaves nothing behind of
    /// what the last one left.
    fn write_next(&mut self, layout: &Path, found: Option<Entries>) -> Result<(), String> {
        let next = append(layout).map_err(|error| format!("the next writer: {error}"))?;
        let mut expected = found.unwrap_or_default();
        expected.push((Some("next".to_owned()), next));
        let answer = self.checker.check(layout);
        if answer.problems.is_empty() && answer.left.is_empty() && answer.entries == expected {
            return Ok(());
        }
        Err(format!("after the next writer: {answer:?}"))
    }
}

/// What is found must be what had been acknowledged, or what was under way then.
fn judge(recording: &Recording, cut: Cut, found: &Option<Entries>) -> Result<(), Failure> {
    let done = recording.ends().partition_point(|end| *end <= cut.records) - 1;
    let known = &recording.notes.acknowledged;
    let possible = &known[..known.len().min(done + 2)];
    let Some(edit) = possible.iter().rposition(|known| known.entries == *found) else {
        return Err(Failure::Inconsistent(format!("no edit has made these entries: {found:?}")));
    };
    if edit >= done || recording.notes.durability == "ordered" {
        return Ok(());
    }
    let problem = format!("edit {done} was acknowledged, the layout is as after edit {edit}");
    Err(Failure::Lost(problem))
}

/// What the library itself says of a layout that the checker has read.
fn ask_library(layout: &Path, found: &Entries) -> Result<(), String> {
    let failed = |error| format!("the library: {error}");
    let layout = Layout::open(layout).map_err(failed)?;
    let wrong = layout.verify(&VerifyOptions::new()).map_err(failed)?;
    // What the last writer left is swept by the next.
    if let Some(wrong) = wrong.iter().find(|finding| finding.kind() != FindingKind::Leftover) {
        return Err(format!("the library: {wrong}"));
    }
    let entries = layout.list(&Matcher::any()).map_err(failed)?;
    let entry = |entry: &Descriptor| {
        (entry.reference().map(str::to_owned), entry.digest().as_str().to_owned())
    };
    let listed: Entries = entries.iter().map(entry).collect();
    if listed == *found { Ok(()) } else { Err(format!("the library lists {listed:?}")) }
}

/// Appends a small image, and says its digest.
fn append(path: &Path) -> ocilayout::Result<String> {
    let layout = OpenOptions::new().create().open(path)?;
    let entry = put_image(&layout, b"next", "next")?;
    layout.append(&entry, Append::new())?;
    Ok(entry.digest().as_str().to_owned())
}
