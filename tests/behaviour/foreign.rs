//! Other tools that write the same layout.

use crate::api::{Api, Append, Kind};
use crate::both;
use crate::fixture::{assert_clean, image, index_json, layout, names};
use crate::support::{compile, have_tools, program, run, spawn};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

both!(what_buildkit_locks_is_waited_for);

/// Locks as BuildKit does: a file that is made for the edit, and taken away.
fn lock_file(path: &Path) -> (File, PathBuf) {
    let path = path.join("index.json.lock");
    let file = File::create(&path).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    (file, path)
}

fn what_buildkit_locks_is_waited_for<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let (held, file) = lock_file(&path);
    layout.set_lock_timeout(Some(0));
    let before = index_json(&path);
    let failure = layout.append(&entry, Some("x"), Append::default()).unwrap_err();
    assert_eq!(failure.kind, Kind::Busy);
    let says =
        format!("{}: expected the lock within 0 ms, found it held by process", file.display());
    assert!(failure.message.starts_with(&says), "{}", failure.message);
    assert_eq!(index_json(&path), before);

    layout.set_lock_timeout(None);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| layout.append(&entry, Some("x"), Append::default()));
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(index_json(&path), before);
        // The next one locks a file of the same name before this one lets go.
        std::fs::remove_file(&file).unwrap();
        let (next, _) = lock_file(&path);
        drop(held);
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(index_json(&path), before, "the lock of the file that has the name counts");
        std::fs::remove_file(&file).unwrap();
        drop(next);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(names(&path), ["x"]);
    assert_clean(&path);
}

/// Gives the layout's "x" the name "y", under strace with these options.
fn tag(layout: &Path, scratch: &Path, options: &[&str]) -> Command {
    let out = scratch.join("tag");
    compile("gcc", &["-std=c11"], "examples-c/tag.c", &out);
    let mut strace = program("strace", scratch);
    strace.args(options).arg("-o").arg(scratch.join("trace")).arg(out).arg(layout);
    strace.args(["x", "y"]);
    strace
}

/// A tool that does not lock, as umoci is, between our look and our rename.
#[test]
fn what_is_written_without_a_lock_is_kept() {
    if !have_tools(&["gcc", "strace", "umoci"]) {
        return;
    }
    let (scratch, path, layout) = layout::<crate::core::Core>();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    // The content of the new index.json is written after the old one was read.
    let slow = ["-e", "inject=fdatasync:delay_enter=3000000:when=1"];
    let mut ours = spawn(tag(&path, scratch.path(), &slow).stdout(Stdio::null()));
    std::thread::sleep(Duration::from_millis(1000));
    assert_eq!(names(&path), ["x"], "our edit is under way");
    run(Command::new("umoci").arg("tag").arg("--image").arg(path.join(":x")).arg("theirs"));
    assert!(ours.wait().unwrap().success());
    assert_eq!(names(&path), ["x", "theirs", "y"]);
}

#[test]
fn a_change_that_may_not_survive_is_told_apart() {
    if !have_tools(&["gcc", "strace"]) {
        return;
    }
    let (scratch, path, layout) = layout::<crate::core::Core>();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    let fails = ["-P", path.to_str().unwrap(), "-e", "inject=fsync:error=EIO"];
    let output = crate::support::output(&mut tag(&path, scratch.path(), &fails));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "{}: the change was made, but it may not survive a power cut: Input/output error",
        path.join("index.json").display()
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(names(&path), ["x", "y"]);
}

#[test]
fn a_file_system_without_locks_is_refused() {
    if !have_tools(&["gcc", "strace"]) {
        return;
    }
    let (scratch, path, layout) = layout::<crate::core::Core>();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    for error in ["ENOLCK", "EOPNOTSUPP", "ENOSYS"] {
        let inject = format!("inject=flock:error={error}");
        let output = crate::support::output(&mut tag(&path, scratch.path(), &["-e", &inject]));
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = "expected a file system with locks, so that no writer's edit is lost";
        assert!(said.contains(expected), "{error}: {said}");
        assert_eq!(names(&path), ["x"], "{error}");
    }
}
