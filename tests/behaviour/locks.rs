//! The lock, and what killed writers leave.

use crate::api::{Api, Append, Kind, Matcher, OPEN};
use crate::both;
use crate::fixture::{assert_clean, held, image, index_json, layout, make_fifo, names, snapshot};
use std::os::unix::fs::symlink;

both!(
    an_edit_can_refuse_to_wait,
    an_edit_waits_for_as_long_as_it_takes,
    an_edit_waits_for_a_time,
    readers_never_wait,
    what_a_killed_writer_left_is_taken_away,
    what_a_live_writer_holds_is_not,
    what_is_not_ours_is_not,
);

/// A process that forks while another of its threads edits gives the child the
/// same lock, for as long as that lives.
#[test]
fn a_forked_child_does_not_hold_the_lock() {
    if !crate::support::have_tools(&["gcc"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("fork");
    crate::support::compile("gcc", &["-std=c11"], "tests/c/fork.c", &out);
    let mut program = crate::support::program(&out, scratch.path());
    crate::support::run(program.arg(scratch.path().join("layout")));
}

fn an_edit_can_refuse_to_wait<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    layout.set_lock_timeout(Some(0));
    let transaction = layout.begin().unwrap();
    transaction.append(&entry, Some("x"), Append::default()).unwrap();
    let before = snapshot(&path);
    let lock = held(&path);
    for failure in [
        layout.append(&entry, Some("x"), Append::default()).unwrap_err(),
        layout.remove(&Matcher::AllOf(vec![])).unwrap_err(),
        layout.write_file("notes", b"x").unwrap_err(),
        transaction.commit().unwrap_err(),
    ] {
        assert_eq!(failure.kind, Kind::Busy);
        let holder = format!("process {} (", std::process::id());
        assert!(failure.message.contains(&holder), "{}", failure.message);
        assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
    }
    assert_eq!(snapshot(&path), before);
    drop(lock);
    transaction.commit().unwrap();
    assert_eq!(names(&path), ["x"]);
}

fn an_edit_waits_for_as_long_as_it_takes<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let before = index_json(&path);
    let lock = held(&path);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| layout.append(&entry, Some("x"), Append::default()));
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert_eq!(index_json(&path), before);
        drop(lock);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(names(&path), ["x"]);
}

fn an_edit_waits_for_a_time<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    layout.set_lock_timeout(Some(50));
    let lock = held(&path);
    let failure = layout.append(&entry, Some("x"), Append::default()).unwrap_err();
    assert_eq!(failure.kind, Kind::Busy);
    assert!(failure.message.contains("within 50 ms"), "{}", failure.message);
    layout.set_lock_timeout(Some(60_000));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| layout.append(&entry, Some("x"), Append::default()));
        std::thread::sleep(std::time::Duration::from_millis(100));
        drop(lock);
        waiting.join().unwrap().unwrap();
    });
    layout.set_lock_timeout(None);
    layout.append(&entry, Some("y"), Append::default()).unwrap();
    assert_eq!(names(&path), ["x", "y"]);
}

fn readers_never_wait<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    layout.append(&entry, Some("x"), Append::default()).unwrap();
    let _lock = held(&path);
    let reader = A::open(&path, OPEN).unwrap();
    assert_eq!(reader.list(None).unwrap().len(), 1);
    assert_eq!(reader.resolve("x", Some("linux/amd64")).unwrap().digest(), entry.digest());
    assert!(reader.unreferenced().unwrap().is_empty());
    // Nor do writers of blobs.
    image(&reader, "y");
}

const LEFT: &str = ".ocilayout-0123456789abcdef";

fn what_a_killed_writer_left_is_taken_away<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    std::fs::create_dir(path.join(LEFT)).unwrap();
    std::fs::write(path.join(LEFT).join("1"), "half a file").unwrap();
    let fresh = A::open(&path, OPEN).unwrap();
    assert!(path.join(LEFT).exists(), "opening takes nothing away");
    fresh.append(&entry, Some("x"), Append::default()).unwrap();
    assert_clean(&path);
}

fn what_a_live_writer_holds_is_not<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    std::fs::create_dir(path.join(LEFT)).unwrap();
    std::fs::write(path.join(LEFT).join("1"), "a file on its way").unwrap();
    let lock = held(&path.join(LEFT));
    let write = |name| {
        let fresh = A::open(&path, OPEN).unwrap();
        fresh.append(&entry, Some(name), Append::default()).unwrap();
    };
    write("x");
    assert!(path.join(LEFT).join("1").exists());
    drop(lock);
    write("y");
    assert_clean(&path);
}

fn what_is_not_ours_is_not<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    std::fs::write(scratch.path().join("elsewhere"), "").unwrap();
    symlink(scratch.path().join("elsewhere"), path.join(".ocilayout-000000000000000a")).unwrap();
    std::fs::create_dir_all(path.join(".ocilayout-000000000000000b/folder")).unwrap();
    std::fs::write(path.join(".ocilayout-000000000000000e"), "").unwrap();
    make_fifo(&path.join(".ocilayout-000000000000000c"));
    for name in [".ocilayout-", ".ocilayout-short", ".ocilayout-0123456789abcdefg", ".other"] {
        std::fs::write(path.join(name), "").unwrap();
    }
    let before = snapshot(&path);
    A::open(&path, OPEN).unwrap().append(&entry, Some("x"), Append::default()).unwrap();
    let (mut after, mut before) = (snapshot(&path), before);
    after.remove(std::path::Path::new("index.json"));
    before.remove(std::path::Path::new("index.json"));
    assert_eq!(after, before);
    assert!(scratch.path().join("elsewhere").exists());
}
