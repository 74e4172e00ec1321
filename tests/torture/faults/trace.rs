//! A writer under `strace`: what it calls, and what it does when a call is
//! refused.

use crate::support::output;
use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};

/// The calls that wait for the disk.
pub const SYNCS: [&str; 3] = ["fdatasync", "fsync", "syncfs"];

/// The calls that give a file its name.
const PUBLISHES: [&str; 4] = ["linkat", "renameat", "renameat2", "rename"];

/// A system call that the layout can notice.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub name: String,
    /// Which of the calls of this name it is, counted from one as strace does.
    pub number: usize,
    /// The line of the trace without what differs from run to run, so that two
    /// calls on files of the same kind are the same.
    pub kind: String,
    /// What it returned, where that is a plain number.
    pub returned: Option<usize>,
    /// Whether it is a call on the layout, and not one that shows how far the
    /// writer came.
    pub on_layout: bool,
}

/// How a writer ended, and what strace saw.
pub struct Run {
    output: Output,
    trace: String,
}

/// Runs the writer of a workload, and shows all that it calls.
pub fn run(workload: &str, layout: &Path) -> Run {
    strace(&[], workload, layout)
}

/// The same, with a fault put into a call of this name. Besides that, only what
/// the checks of a trace ask for is shown.
pub fn run_with(fault: &str, name: &str, workload: &str, layout: &Path) -> Run {
    let inject = format!("--inject={fault}");
    let trace = format!("--trace={name},{},{}", SYNCS.join(","), PUBLISHES.join(","));
    if fault.contains("signal=") {
        return strace(&[&inject, &trace], workload, layout);
    }
    // Stops the writer at the calls that are shown alone; no signal comes through.
    strace(&["--follow-forks", "--seccomp-bpf", &inject, &trace], workload, layout)
}

/// A writer that hangs is ended after a minute.
fn strace(arguments: &[&str], workload: &str, layout: &Path) -> Run {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "60", "strace", "-y", "-s", "0", "-o"]).arg(file.path());
    command.args(arguments).arg(std::env::current_exe().unwrap());
    command.args(["faults", "worker", "write", workload]).arg(layout);
    // Where cargo has the loader look for libraries is no matter of the writer's,
    // and would change how many calls it makes.
    let output = output(command.env_remove("LD_LIBRARY_PATH"));
    let trace = std::fs::read_to_string(file.path()).unwrap();
    Run { output, trace }
}

impl Run {
    pub fn killed(&self) -> bool {
        self.output.status.signal() == Some(libc::SIGKILL)
    }

    pub fn status(&self) -> ExitStatus {
        self.output.status
    }

    /// Whether the writer said that its work is done.
    pub fn acknowledged(&self) -> bool {
        self.output.stdout.starts_with(b"acknowledged\n")
    }

    pub fn error(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).trim().to_owned()
    }

    pub fn injected(&self) -> bool {
        self.trace.contains("(INJECTED)")
    }

    /// The calls that touch what is below `place`, and those that show how far
    /// the writer came: its acknowledgement, and its end.
    pub fn calls(&self, place: &Path) -> Vec<Call> {
        let place = place.to_str().unwrap();
        let mut numbers = HashMap::new();
        let mut calls = Vec::new();
        for line in self.trace.lines() {
            // With fcntl a debug build sees whether what it closes was open.
            let Some(name) = name_of(line).filter(|name| *name != "fcntl") else { continue };
            let number = numbers.entry(name).and_modify(|number| *number += 1).or_insert(1);
            let on_layout = line.contains(place) && name != "execve";
            if on_layout || line.starts_with("write(1<") || name == "exit_group" {
                let returned = line.rsplit_once(" = ").map(|(_, returned)| returned);
                calls.push(Call {
                    name: name.to_owned(),
                    number: *number,
                    kind: masked(&line.replace(place, "")),
                    returned: returned.and_then(|returned| returned.parse().ok()),
                    on_layout,
                });
            }
        }
        calls
    }

    /// Checks that a sync which was refused was believed: what the kernel could
    /// not write it may have dropped, so that a second try proves nothing.
    pub fn check_sync_was_final(&self) -> Result<(), String> {
        let mut lines = self.trace.lines().skip_while(|line| !line.ends_with("(INJECTED)"));
        let refused = lines.next().ok_or("the sync was not reached")?;
        for line in lines {
            let name = name_of(line).unwrap_or_default();
            if SYNCS.contains(&name) && target(line) == target(refused) {
                return Err(format!("after {refused:?} it was tried again: {line:?}"));
            }
            if PUBLISHES.contains(&name) {
                return Err(format!("after {refused:?} something was published: {line:?}"));
            }
        }
        Ok(())
    }
}

/// The name of the call that a line shows; behind the process, if that is shown.
fn name_of(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('(')?;
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
}

/// The path behind the first descriptor of a call.
fn target(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once('<')?;
    rest.split_once('>').map(|(path, _)| path)
}

/// Puts a star in the place of each word that has a digit: hashes, hidden names,
/// inodes, lengths, addresses.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let alone = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let (_, separator) = word.split_at(alone.len());
        masked += if alone.contains(|c: char| c.is_ascii_digit()) { "*" } else { alone };
        masked += separator;
    }
    masked
}
