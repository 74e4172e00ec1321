//! Calls that another thread stops.

use crate::api::{Api, Append, CREATE, Directory, Kind, Long, OPEN, Options, Outcome, Source};
use crate::both;
use crate::fixture::{
    OCTETS, assert_clean, blob_path, descriptor, held, image, index_json, layout, names, put,
    snapshot,
};
use crate::verify::FULL;
use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

both!(
    what_waits_for_the_lock_stops,
    a_commit_that_waits_can_be_made_again,
    a_put_stops_between_its_reads,
    a_pushed_blob_stops,
    what_is_hashed_without_callbacks_stops,
    directories_that_are_compared_stop,
    what_comes_later_is_refused,
    other_handles_go_on,
    only_some_handles_can_be_interrupted,
    a_turn_is_had_after_all,
);

/// More than is hashed while a test waits.
const HUGE: u64 = 64 << 30;

/// So soon a call ends that was stopped.
const PROMPT: Duration = Duration::from_secs(4);

/// Makes a call of an interruptible handle that takes for ever, stops it, and checks that
/// it then ends.
fn assert_stops<A: Api + Sync, T: Send>(layout: &A, call: impl FnOnce(&A) -> Outcome<T> + Send) {
    let handle = layout.interruptible();
    thread::scope(|scope| {
        let running = scope.spawn(|| call(&handle));
        thread::sleep(Duration::from_millis(150));
        assert!(!running.is_finished(), "it did not take for ever");
        let stopped = Instant::now();
        handle.interrupt().unwrap();
        let outcome = running.join().unwrap();
        let failure = outcome.map(drop).unwrap_err();
        assert_eq!(failure.kind, Kind::Cancelled, "{failure:?}");
        assert!(stopped.elapsed() < PROMPT, "it took {:?}", stopped.elapsed());
    });
}

/// A blob of zeros that takes no room, under a name that is not its own.
fn sparse(path: &Path, digest: &str) {
    let file = File::create(blob_path(path, digest)).unwrap();
    file.set_len(HUGE).unwrap();
}

const NAME: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";

fn what_waits_for_the_lock_stops<A: Api + Sync>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let before = snapshot(&path);
    let lock = held(&path);
    assert_stops(&layout, |layout| layout.append(&entry, Some("x"), Append::default()));
    assert_stops(&layout, |layout| layout.write_file("notes", b"x"));
    assert_stops(&layout, |layout| layout.collect(0, false));
    layout.set_lock_timeout(Some(60_000));
    assert_stops(&layout, |layout| layout.append(&entry, Some("x"), Append::default()));
    assert_eq!(snapshot(&path), before);
    drop(lock);
    layout.append(&entry, Some("y"), Append::default()).unwrap();
    assert_eq!(names(&path), ["y"]);
}

fn a_commit_that_waits_can_be_made_again<A: Api + Sync>() {
    let (_scratch, path, layout) = layout::<A>();
    let transaction = layout.begin().unwrap();
    let entry = image(&transaction, "x");
    transaction.append(&entry, Some("x"), Append::default()).unwrap();
    let before = index_json(&path);
    let lock = held(&path);
    assert_stops(&transaction, A::commit);
    assert_eq!(index_json(&path), before);
    drop(lock);
    transaction.commit().unwrap();
    assert_eq!(names(&path), ["x"]);
    drop((transaction, layout));
    assert_clean(&path);
}

fn a_put_stops_between_its_reads<A: Api + Sync>() {
    let (_scratch, path, layout) = layout::<A>();
    drop(image(&layout, "x"));
    let before: Vec<_> = snapshot(&path).into_keys().collect();
    for how in [
        Options::default(),
        Options { gzip: Some(1), ..Options::default() },
        Options { zstd: Some(1), ..Options::default() },
    ] {
        assert_stops(&layout, |layout| {
            layout.put(Source::Callback(&mut |buf| buf.len() as i64), &how)
        });
        let zeros = File::open("/dev/zero").unwrap();
        assert_stops(&layout, |layout| layout.put(Source::File(zeros), &how));
    }
    assert_eq!(snapshot(&path).into_keys().collect::<Vec<_>>(), before);
    drop(layout);
    assert_clean(&path);
}

fn a_pushed_blob_stops<A: Api + Sync>() {
    let (_scratch, path, layout) = layout::<A>();
    let zeros = vec![0; 1 << 20];
    assert_stops(&layout, |layout| {
        loop {
            layout.put(Source::Push(&zeros, 1 << 16), &Options::default())?;
        }
        #[allow(unreachable_code, reason = "it says what the loop would return")]
        Ok(())
    });
    drop(layout);
    assert_clean(&path);
}

fn what_is_hashed_without_callbacks_stops<A: Api + Sync>() {
    let (scratch, path, layout) = layout::<A>();
    put(&layout, b"x", OCTETS);
    sparse(&path, NAME);
    let huge = descriptor(OCTETS, NAME, HUGE);
    for threads in [1, 2] {
        layout.set_threads(threads);
        assert_stops(&layout, |layout| layout.verify(FULL));
    }
    let copy = A::open(&scratch.path().join("copy"), CREATE).unwrap();
    assert_stops(&copy, |copy| copy.write_from(&huge, &layout));
    let rehash = Options {
        digest: Some(NAME.to_owned()),
        size: Some(HUGE),
        rehash: true,
        ..Options::default()
    };
    assert_stops(&layout, |layout| layout.put(Source::Memory(b""), &rehash));
    fs::remove_file(blob_path(&path, NAME)).unwrap();
    drop((layout, copy));
    assert_clean(&path);
    assert_clean(&scratch.path().join("copy"));
}

fn directories_that_are_compared_stop<A: Api + Sync>() {
    let (scratch, path, layout) = layout::<A>();
    let trees = ["lower", "upper"].map(|name| {
        let tree = scratch.path().join(name);
        fs::create_dir(&tree).unwrap();
        let file = File::create(tree.join("file")).unwrap();
        file.set_len(HUGE).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        tree
    });
    assert_stops(&layout, |layout| {
        let (how, none) = (Directory::default(), Options::default());
        layout.put_difference(&trees[0], &trees[1], &how, &none)
    });
    drop(layout);
    assert_clean(&path);
}

fn what_comes_later_is_refused<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    layout.append(&entry, Some("x"), Append::default()).unwrap();
    let before = snapshot(&path);
    let handle = layout.interruptible();
    assert_eq!(handle.resolve("x", None).unwrap().digest(), entry.digest());
    handle.interrupt().unwrap();
    handle.interrupt().unwrap();
    for failure in [
        handle.put(Source::Memory(b"x"), &Options::default()).map(drop).unwrap_err(),
        handle.append(&entry, Some("y"), Append::default()).unwrap_err(),
        handle.remove_blob(entry.digest().as_str()).unwrap_err(),
        handle.write_file("notes", b"x").unwrap_err(),
        handle.begin().map(drop).unwrap_err(),
        handle.collect(0, true).map(drop).unwrap_err(),
        handle.unreferenced().map(drop).unwrap_err(),
        handle.verify(FULL).map(drop).unwrap_err(),
        handle.watched(Long::WriteFrom(&entry, &layout), &mut |_| true).unwrap_err(),
        handle.index(&[&entry], &[]).map(drop).unwrap_err(),
    ] {
        assert_eq!(failure.kind, Kind::Cancelled, "{failure:?}");
    }
    assert_eq!(snapshot(&path), before);
    // Who only looks is not stopped.
    assert_eq!(handle.list(None).unwrap().len(), 1);
    drop((layout, scratch));
}

fn other_handles_go_on<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (one, two) = (layout.interruptible(), layout.interruptible());
    let of_two = two.interruptible();
    let transaction = one.begin().unwrap();
    let entry = image(&one, "x");
    one.interrupt().unwrap();
    two.interrupt().unwrap();
    transaction.append(&entry, Some("transaction"), Append::default()).unwrap();
    transaction.commit().unwrap();
    of_two.append(&entry, Some("of two"), Append::default()).unwrap_err();
    of_two.append(&entry, Some("of-two"), Append::default()).unwrap();
    layout.append(&entry, Some("layout"), Append::default()).unwrap();
    drop((layout, one, two));
    // The stage of the writer lives as long as one of its handles.
    of_two.append(&entry, Some("last"), Append::default()).unwrap();
    assert_eq!(names(&path), ["transaction", "of-two", "layout", "last"]);
    drop((of_two, transaction));
    assert_clean(&path);
}

fn only_some_handles_can_be_interrupted<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let failure = layout.interrupt().unwrap_err();
    assert_eq!(failure.kind, Kind::State);
    assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
    put(&layout, b"x", OCTETS);
    assert_eq!(layout.begin().unwrap().interrupt().unwrap_err().kind, Kind::State);
    let handle = layout.interruptible();
    assert_eq!(handle.begin().unwrap().interrupt().unwrap_err().kind, Kind::State);
}

fn a_turn_is_had_after_all<A: Api + Sync>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let handle = layout.interruptible();
    let lock = held(&path);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| handle.append(&entry, Some("x"), Append::default()));
        thread::sleep(Duration::from_millis(100));
        drop(lock);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(names(&path), ["x"]);
    let reader = A::open(&path, OPEN).unwrap();
    assert_eq!(reader.resolve("x", None).unwrap().digest(), entry.digest());
}
