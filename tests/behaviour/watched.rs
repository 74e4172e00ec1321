//! Calls that take long: they tell how far they have come, and can be stopped.

use crate::api::{Api, Append, Blobs, CREATE, Kind, Long, OPEN, Progress, Verify};
use crate::both;
use crate::fixture::{
    ABC, MANIFEST, OCTETS, assert_clean, blob_path, descriptor, image, index_of, layout, put,
    snapshot, write_index,
};
use crate::verify::{FULL, QUICK, kinds, named_image, place};
use ocilayout::{Descriptor, FindingKind};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

both!(
    each_call_tells_of_its_end,
    the_end_cannot_be_stopped,
    a_verification_counts_what_it_hashes,
    what_is_wrong_is_counted_too,
    an_edit_meanwhile_makes_it_count_again,
    a_long_call_tells_ten_times_a_second,
    a_verification_stops_in_the_middle_of_a_blob,
    a_copy_stops_in_the_middle_of_a_blob,
    a_collection_stops_between_its_parts,
);

/// More than is hashed while a test waits.
const HUGE: u64 = 64 << 30;

/// So soon a call ends that was stopped: in far less time than a huge blob takes.
const PROMPT: Duration = Duration::from_secs(4);

/// How far a call says that it has come, each time on the thread that makes it.
fn told_by<A: Api>(layout: &A, call: Long<'_, A>) -> Vec<Progress> {
    let (mut told, caller) = (Vec::new(), thread::current().id());
    let outcome = layout.watched(call, &mut |progress: Progress| {
        assert_eq!(thread::current().id(), caller);
        told.push(progress);
        true
    });
    outcome.unwrap();
    told
}

fn is_end(progress: &Progress) -> bool {
    Some(progress.bytes) == progress.bytes_total && Some(progress.items) == progress.items_total
}

/// The end that a call tells of: how many bytes and items were done.
fn end_of<A: Api>(layout: &A, call: Long<'_, A>) -> (u64, u64) {
    let told = told_by(layout, call);
    let end = told.last().unwrap();
    assert!(is_end(end), "{told:?}");
    (end.bytes, end.items)
}

/// The size of all blobs that are there, and how many they are.
fn all_blobs(path: &Path) -> (u64, u64) {
    let files = fs::read_dir(path.join("blobs/sha256")).unwrap();
    let sizes: Vec<u64> = files.map(|file| file.unwrap().metadata().unwrap().len()).collect();
    (sizes.iter().sum(), sizes.len() as u64)
}

/// A blob of zeros that takes no room, under a name that is not its own.
fn sparse(path: &Path, number: u64, size: u64) -> PathBuf {
    let file = blob_path(path, &name_of(number));
    File::create(&file).unwrap().set_len(size).unwrap();
    file
}

fn name_of(number: u64) -> String {
    format!("sha256:{number:064x}")
}

fn each_call_tells_of_its_end<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let (image, config, layer) = named_image(&layout, "x");
    let tree = all_blobs(&path);
    assert_eq!(tree.1, 3);
    let garbage = put(&layout, b"garbage", OCTETS).descriptor;
    // It is leased by whoever put it.
    drop(layout);
    let layout = A::open(&path, OPEN).unwrap();

    assert_eq!(end_of(&layout, Long::Unreferenced), (image.size(), 4));
    assert_eq!(end_of(&layout, Long::Collect { dry_run: true }), (image.size(), 4));
    assert_eq!(all_blobs(&path).1, 4);
    assert_eq!(end_of(&layout, Long::Collect { dry_run: false }), (image.size(), 4));
    assert_eq!(layout.blob_size(garbage.digest().as_str()).unwrap_err().kind, Kind::NotFound);

    let blobs: Blobs = [&image, &config, &layer]
        .map(|blob| (blob.digest().to_string(), layout.read_blob(blob, 1 << 20).unwrap()))
        .into();
    let other = |name: &str| A::open(&scratch.path().join(name), CREATE).unwrap();
    let (one, two, new) = (other("one"), other("two"), scratch.path().join("new"));
    assert_eq!(end_of(&one, Long::Write(&image, &blobs)), tree);
    assert_eq!(end_of(&one, Long::Write(&image, &blobs)), (0, 3), "nothing is read again");
    assert_eq!(end_of(&two, Long::WriteFrom(&image, &layout)), tree);
    let index = index_of(&[&image]);
    assert_eq!(end_of(&layout, Long::Create(&new, index.as_bytes(), &blobs)), tree);
    for copy in ["one", "two", "new"] {
        let copy = scratch.path().join(copy);
        assert_eq!(all_blobs(&copy), tree);
        assert_eq!(end_of(&A::open(&copy, OPEN).unwrap(), Long::Verify(FULL)), tree);
    }
}

fn the_end_cannot_be_stopped<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    named_image(&layout, "x");
    // Unless the machine is so slow that it is told before, every time.
    let is_made = |call| layout.watched(call, &mut |_| false).is_ok();
    assert!((0..5).any(|_| is_made(Long::Verify(FULL))));
    assert!((0..5).any(|_| is_made(Long::Unreferenced)));
}

fn a_verification_counts_what_it_hashes<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (image, config, _) = named_image(&layout, "x");
    let index = layout.index(&[&image], &[]).unwrap();
    layout.append(&index, Some("y"), Append::default()).unwrap();
    put(&layout, &[7; 300_000], OCTETS);
    let (bytes, items) = all_blobs(&path);
    let documents = index.size() + image.size() + config.size();
    for threads in [0, 1, 2, 16] {
        layout.set_threads(threads);
        assert_eq!(end_of(&layout, Long::Verify(FULL)), (bytes, items));
        assert_eq!(end_of(&layout, Long::Verify(QUICK)), (documents, items));
    }
    let transaction = layout.begin().unwrap();
    put(&transaction, &[8; 300_000], OCTETS);
    assert_eq!(end_of(&transaction, Long::Verify(FULL)), (bytes, items), "nothing names it");
    let new = put(&transaction, &[9; 300_000], OCTETS).descriptor;
    transaction.append(&new, None, Append::default()).unwrap();
    assert_eq!(end_of(&transaction, Long::Verify(FULL)), (bytes + 300_000, items + 1));
}

fn what_is_wrong_is_counted_too<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let (image, config, layer) = named_image(&layout, "x");
    let linked = put(&layout, &[7; 5000], OCTETS).descriptor;
    let lost = put(&layout, b"lost", OCTETS).descriptor;
    // One digest as two kinds of document, and one document that is not there.
    let twice = descriptor(crate::fixture::INDEX, image.digest().as_str(), 1);
    let absent = descriptor(MANIFEST, ABC, 3);
    write_index(&path, &[&image, &twice, &absent, &lost, &linked]);
    layout.remove_blob(lost.digest().as_str()).unwrap();
    let file = |blob: &Descriptor| blob_path(&path, blob.digest().as_str());
    fs::write(file(&layer), "longer than what the manifest says").unwrap();
    fs::write(file(&config), "{").unwrap();
    let elsewhere = scratch.path().join("elsewhere");
    fs::rename(file(&linked), &elsewhere).unwrap();
    symlink(&elsewhere, file(&linked)).unwrap();

    let (bytes, items) = (image.size() + 1 + 34, 6);
    assert_eq!(end_of(&layout, Long::Verify(FULL)), (bytes, items));
    let flags = crate::api::Flags { symlinked_blobs: true, ..OPEN };
    let follows = A::open(&path, flags).unwrap();
    assert_eq!(end_of(&follows, Long::Verify(FULL)), (bytes + 5000, items));
}

fn an_edit_meanwhile_makes_it_count_again<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let lost = put(&layout, b"lost", OCTETS).descriptor;
    layout.append(&lost, Some("x"), Append::default()).unwrap();
    layout.remove_blob(lost.digest().as_str()).unwrap();
    let large = sparse(&path, 1, 512 << 20);
    let (mut told, mut edited) = (Vec::new(), false);
    let outcome = layout.watched(Long::Verify(FULL), &mut |progress| {
        told.push(progress);
        if !edited {
            write_index(&path, &[]);
            edited = true;
        }
        true
    });
    outcome.unwrap();
    assert!(told.is_sorted_by_key(|progress| (progress.items, progress.bytes)), "{told:?}");
    let end = told.last().unwrap();
    assert!(is_end(end) && told.len() > 1, "{told:?}");
    // It is at fault and so hashed again: there is nothing but to look once more.
    assert_eq!(end.items, 3, "two blobs, and one of them again");
    fs::remove_file(large).unwrap();
}

fn a_long_call_tells_ten_times_a_second<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    named_image(&layout, "x");
    let sound = all_blobs(&path);
    for threads in [1, 2] {
        layout.set_threads(threads);
        let files = [1, 2, 3].map(|number| sparse(&path, number, 256 << 20));
        let (mut told, begun) = (Vec::new(), Instant::now());
        let outcome = layout.watched(Long::Verify(FULL), &mut |progress: Progress| {
            told.push(progress);
            true
        });
        outcome.unwrap();
        let took = begun.elapsed();
        let (end, before) = told.split_last().unwrap();
        assert_eq!((end.bytes, end.items), (sound.0 + (3 << 28), sound.1 + 3));
        assert!(is_end(end), "{end:?}");
        assert!(before.is_sorted_by_key(|progress| progress.bytes), "{before:?}");
        assert!(
            before.iter().all(|progress| progress.bytes_total == end.bytes_total),
            "{before:?}"
        );
        let times = u32::try_from(before.len()).unwrap();
        assert!(times > 0, "nothing was told in {took:?} before the end");
        assert!(times * Duration::from_millis(100) <= took, "{times} times in {took:?}");
        files.iter().for_each(|file| fs::remove_file(file).unwrap());
    }
}

/// Makes a call that is stopped in the middle of a huge blob, and checks that it ends at
/// once.
fn assert_stops<A: Api>(layout: &A, call: Long<'_, A>) {
    let mut stopped = None;
    let outcome = layout.watched(call, &mut |progress: Progress| {
        assert!(stopped.is_none() && !is_end(&progress), "it goes on: {progress:?}");
        if progress.bytes < 1 << 20 {
            return true;
        }
        stopped = Some(Instant::now());
        false
    });
    assert_eq!(outcome.unwrap_err().kind, Kind::Cancelled);
    let took = stopped.unwrap().elapsed();
    assert!(took < PROMPT, "stopped, it took {took:?}");
}

fn a_verification_stops_in_the_middle_of_a_blob<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    named_image(&layout, "x");
    drop(layout);
    let (before, sound) = (snapshot(&path), all_blobs(&path));
    let layout = A::open(&path, OPEN).unwrap();
    for threads in [0, 1, 2, 3] {
        layout.set_threads(threads);
        let huge = [1, 2].map(|number| sparse(&path, number, HUGE));
        assert_stops(&layout, Long::Verify(FULL));
        assert_stops(&layout, Long::Verify(FULL));
        let how = Verify { missing_allowed: true, ..QUICK };
        assert_eq!(layout.verify(how).unwrap(), [], "only what is in them is wrong");
        huge.iter().for_each(|file| fs::remove_file(file).unwrap());
        assert_eq!(end_of(&layout, Long::Verify(FULL)), sound);
    }
    assert_eq!(snapshot(&path), before);
    let wrong = sparse(&path, 1, 1);
    let name = name_of(1);
    assert_eq!(
        kinds(&layout.verify(FULL).unwrap()),
        [(FindingKind::Digest, place(&name).as_path())],
        "what was not read to its end is not known to be sound"
    );
    fs::remove_file(wrong).unwrap();
}

fn a_copy_stops_in_the_middle_of_a_blob<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    sparse(&path, 1, HUGE);
    let huge = descriptor(OCTETS, &name_of(1), HUGE);
    let small = image(&layout, "x");
    let index = layout.index(&[&small, &huge], &[]).unwrap();

    let path = scratch.path().join("copy");
    let copy = A::open(&path, CREATE).unwrap();
    let before: BTreeSet<_> = snapshot(&path).into_keys().collect();
    assert_stops(&copy, Long::WriteFrom(&huge, &layout));
    assert_eq!(snapshot(&path).into_keys().collect::<BTreeSet<_>>(), before);
    assert_stops(&copy, Long::WriteFrom(&index, &layout));
    // What was complete is there.
    copy.append(&small, Some("small"), Append::default()).unwrap();
    assert_eq!(end_of(&copy, Long::Verify(FULL)), all_blobs(&path));
    assert_eq!(copy.verify(FULL).unwrap(), []);
    drop(copy);
    assert_clean(&path);
}

fn a_collection_stops_between_its_parts<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    named_image(&layout, "x");
    let kept = all_blobs(&path).1;
    // As many as it takes for it to be told while some are removed.
    let mut garbage = 4096;
    let (left, told) = loop {
        for number in 0..garbage {
            sparse(&path, number, 0);
        }
        let mut told = None;
        let outcome = layout.watched(Long::Collect { dry_run: false }, &mut |progress| {
            assert_eq!(told, None, "it goes on: {progress:?}");
            if progress.items > kept && !is_end(&progress) {
                told = Some(progress);
                return false;
            }
            true
        });
        if let Some(told) = told {
            assert_eq!(outcome.unwrap_err().kind, Kind::Cancelled);
            break (all_blobs(&path).1, told);
        }
        outcome.unwrap();
        garbage *= 2;
    };
    assert_eq!(told.items, garbage + kept - (left - kept));
    assert_eq!(told.items_total, Some(garbage + kept));
    assert_eq!(told.items % 256, kept, "whole parts: {told:?}");
    assert!((kept + 1..garbage + kept).contains(&left), "{left} of {garbage} are left");
    // A layout it is, which another collection makes clean.
    assert_eq!(layout.resolve("x", None).unwrap().media_type().as_str(), MANIFEST);
    assert_eq!(layout.verify(QUICK).unwrap(), []);
    assert_eq!(end_of(&layout, Long::Collect { dry_run: false }).1, left);
    assert_eq!(layout.verify(FULL).unwrap(), []);
    drop(layout);
    assert_clean(&path);
    assert_eq!(all_blobs(&path).1, kept);
}
