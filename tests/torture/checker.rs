//! A checker of layouts that shares nothing with the library: `check.py`.

use serde::Deserialize;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Checker {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What the checker found.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// Empty for a layout that is sound.
    pub problems: Vec<String>,
    /// The name, if it has one, and the digest of each entry, in order.
    pub entries: Vec<(Option<String>, String)>,
    pub unreferenced: Vec<String>,
    /// What stands in the layout and is no part of it, such as hidden files.
    pub left: Vec<String>,
}

impl Checker {
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/check.py");
        let mut process = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 can be started");
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, questions, answers }
    }

    pub fn check(&mut self, layout: &Path) -> Answer {
        writeln!(self.questions, "{}", layout.display()).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect("the checker answers with JSON")
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
