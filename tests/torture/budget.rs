//! The sync budget: how often a transaction waits for the disk.

use crate::Part;
use crate::support::{have_tools, report, run};
use ocilayout::{Append, BlobOptions, Durability, OpenOptions, Result};
use std::path::Path;
use std::process::{Command, ExitCode};

pub const PART: Part = Part { name: "budget", bounded, round: |_| bounded(), worker };

/// How many blobs the transactions put.
const BLOBS: [usize; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 500, 1000, 1500];

fn bounded() {
    if !have_tools(&["strace"]) {
        return;
    }
    let mut wrong = Vec::new();
    for (durability, allowed) in [("full", allowed_full as fn(usize) -> usize), ("none", |_| 0)] {
        let mut figures = Vec::new();
        for blobs in BLOBS {
            let (found, allowed) = (syncs(blobs, durability), allowed(blobs));
            let figure = format!("{found} of {allowed} for {blobs}");
            // None at all, where there should be some, would be no good news.
            if found > allowed || (found == 0) != (allowed == 0) {
                wrong.push(format!("{durability}: {figure}"));
            }
            figures.push(figure);
        }
        report(&format!("sync budget: {durability}: {} blobs", figures.join(", ")));
    }
    assert!(wrong.is_empty(), "not as many sync calls as are allowed: {wrong:?}");
}

/// A few blobs are waited for one by one, many at once and in parts of 500. Then
/// come their names, the index and its name.
fn allowed_full(blobs: usize) -> usize {
    if blobs <= 8 { blobs + 3 } else { 4 + 2 * ((blobs - 1) / 500) }
}

/// How many calls strace counts in a transaction that puts so many blobs.
fn syncs(blobs: usize, durability: &str) -> usize {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (layout, trace) = (scratch.path().join("layout"), scratch.path().join("trace"));
    // With a blob, so that the directory of the blobs is there and is not counted.
    let made = OpenOptions::new().create_new().open(&layout).unwrap();
    made.put(&b"the first blob"[..], &BlobOptions::new()).unwrap();
    let mut command = Command::new("strace");
    command.args(["--follow-forks", "--seccomp-bpf", "--quiet=all", "--signal=none"]);
    command.args(["--trace=fsync,fdatasync,syncfs,sync", "--output"]).arg(&trace);
    command.arg(std::env::current_exe().unwrap());
    command.args(["budget", "worker", durability, &blobs.to_string()]).arg(&layout);
    run(&mut command);
    std::fs::read_to_string(&trace).unwrap().lines().count()
}

fn worker(arguments: &[String]) -> ExitCode {
    let [durability, blobs, layout] = arguments else {
        panic!("expected DURABILITY BLOBS LAYOUT, found {arguments:?}");
    };
    let durability = match durability.as_str() {
        "full" => Durability::Full,
        "none" => Durability::None,
        _ => panic!("expected full or none, found {durability:?}"),
    };
    transaction(durability, blobs.parse().unwrap(), layout.as_ref()).unwrap();
    ExitCode::SUCCESS
}

fn transaction(durability: Durability, blobs: usize, layout: &Path) -> Result<()> {
    let transaction = OpenOptions::new().durability(durability).open(layout)?.begin()?;
    let put = |n| transaction.put(format!("blob {n}").as_bytes(), &BlobOptions::new());
    let mut entry = put(0)?;
    (1..blobs).try_for_each(|n| put(n).map(drop))?;
    entry.set_reference("committed")?;
    transaction.append(&entry, Append::new())?;
    transaction.commit()
}
