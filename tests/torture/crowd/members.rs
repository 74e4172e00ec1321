//! A member of the crowd: makes its edits and logs each that was acknowledged.

use super::outside;
use super::plan::{Change, Edit, Plan, shown};
use ocilayout::{Append, BlobOptions, Descriptor, Layout, Matcher};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Goes on where the log ends. Of the edit on which an earlier process was killed
/// nothing was said, so it may have been made or not, but not by half.
pub fn run(layout: &Layout, log: &Path, plan: Plan, count: usize) {
    let edits = plan.edits(count);
    let mut done = acknowledged(log).len();
    let mut log = OpenOptions::new().create(true).append(true).open(log).unwrap();
    let found = outside::shown(layout.path(), &plan.prefix());
    if found != shown(&edits[..done]) {
        assert!(done < count, "{plan}: after all edits: {found:#?}");
        assert_eq!(found, shown(&edits[..=done]), "{plan}: after {done} edits and a kill");
        acknowledge(&mut log, Duration::ZERO);
        done += 1;
    }
    for edit in &edits[done..] {
        acknowledge(&mut log, make(layout, edit));
    }
}

fn acknowledge(log: &mut File, took: Duration) {
    // In one write, which a kill does not tear.
    log.write_all(format!("{}\n", took.as_micros()).as_bytes()).unwrap();
}

/// How long each acknowledged edit took.
pub fn acknowledged(log: &Path) -> Vec<Duration> {
    let lines = std::fs::read_to_string(log).unwrap_or_default();
    lines.lines().map(|micros| Duration::from_micros(micros.parse().unwrap())).collect()
}

/// Makes an edit, and says for how long it waited and worked.
pub fn make(layout: &Layout, edit: &Edit) -> Duration {
    let entries: Vec<_> = edit.iter().map(|change| entry(layout, change)).collect();
    let begun = Instant::now();
    match edit.as_slice() {
        [change] => apply(layout, change, entries[0].as_ref()),
        changes => {
            let transaction = layout.begin().unwrap();
            for (change, entry) in changes.iter().zip(&entries) {
                apply(&transaction, change, entry.as_ref());
            }
            transaction.commit().unwrap();
        }
    }
    begun.elapsed()
}

/// Stores the text of a change. It is not part of what is measured.
fn entry(layout: &Layout, change: &Change) -> Option<Descriptor> {
    let text = change.text.as_ref()?;
    let mut entry = layout.put(text.as_bytes(), &BlobOptions::new()).unwrap();
    entry.set_reference(&change.name).unwrap();
    Some(entry)
}

/// Nobody else edits this name, so it is known how many entries are touched.
fn apply(layout: &Layout, change: &Change, entry: Option<&Descriptor>) {
    let named = Matcher::reference(&change.name);
    match entry {
        Some(entry) if change.is_there => {
            let replaced = layout.replace(&named, entry, Append::new()).unwrap();
            assert_eq!(replaced, 1, "{}", change.name);
        }
        Some(entry) => layout.append(entry, Append::new()).unwrap(),
        None => assert_eq!(layout.remove(&named).unwrap(), 1, "{}", change.name),
    }
}
