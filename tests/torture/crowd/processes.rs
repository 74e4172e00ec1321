//! The crowd as processes.

use super::Crowd;
use super::members::acknowledged;
use super::plan::Plan;
use crate::support::spawn;
use ocilayout::OpenOptions;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Who is there beside the members until they are done.
const OTHERS: [&str; 3] = ["reader", "reader", "collector"];

pub fn run(crowd: Crowd) {
    let scratch = crowd.scratch();
    let place = Place { crowd, folder: scratch.path() };
    OpenOptions::new().create_new().open(place.layout()).unwrap();
    let others = OTHERS.map(|what| Process::start(&mut place.worker(what)));

    let begun = Instant::now();
    let mut at_work: Vec<_> = crowd.plans().map(|plan| (plan, place.member(plan))).collect();
    let mut random = fastrand::Rng::with_seed(crowd.seed);
    let mut killed = 0;
    while !at_work.is_empty() {
        std::thread::sleep(Duration::from_millis(random.u64(10..50)));
        at_work.retain_mut(|(_, process)| process.is_at_work());
        if let Some((plan, process)) = random.choice(&mut at_work) {
            process.kill();
            *process = place.member(*plan);
            killed += 1;
        }
    }
    let took = begun.elapsed();

    let [reads, more_reads, collected] = others.map(Process::end);
    let reads = reads + more_reads;
    let edits: Vec<_> = crowd.plans().flat_map(|plan| acknowledged(&place.log_of(plan))).collect();
    let how = format!("processes, {killed} killed, {collected} blobs collected");
    crowd.report(&how, took, &edits, reads, &place.layout());
    crowd.check(&place.layout());
}

/// Where they meet.
struct Place<'a> {
    crowd: Crowd,
    folder: &'a Path,
}

impl Place<'_> {
    fn layout(&self) -> PathBuf {
        self.folder.join("layout")
    }

    fn log_of(&self, plan: Plan) -> PathBuf {
        self.folder.join(format!("log-{}", plan.member))
    }

    fn worker(&self, what: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["crowd", "worker", what]).arg(self.layout());
        command
    }

    fn member(&self, plan: Plan) -> Process {
        let Crowd { edits, durability, .. } = self.crowd;
        let mut command = self.worker("member");
        command.arg(self.log_of(plan)).args([plan.seed.to_string(), plan.member.to_string()]);
        Process::start(command.args([edits.to_string(), format!("{durability:?}")]))
    }
}

/// One that goes when this goes, also when the test fails.
struct Process {
    child: Child,
    /// What started it, to say so when it fails.
    command: String,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        Self { child, command: format!("{command:?}") }
    }

    fn is_at_work(&mut self) -> bool {
        let ended = self.child.try_wait().unwrap();
        ended.map(|status| self.check(status)).is_none()
    }

    fn check(&self, status: ExitStatus) {
        assert!(status.success(), "{}: {status}", self.command);
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        // It may have ended by itself meanwhile.
        if status.signal().is_none() {
            self.check(status);
        }
    }

    /// Ends what runs until its standard input does. It says how often it looked.
    fn end(mut self) -> usize {
        drop(self.child.stdin.take());
        let mut looks = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut looks).unwrap();
        let status = self.child.wait().unwrap();
        self.check(status);
        looks.trim().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
