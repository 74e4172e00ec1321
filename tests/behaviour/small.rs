//! Many small blobs of a transaction, which wait in memory and get their files together.

use crate::api::{Among, Api, Append, Kind, OPEN, Options, Source};
use crate::both;
use crate::fixture::{OCTETS, assert_clean, blob_path, image, layout, names, put};
use crate::mounts::Disk;
use crate::support::{run, without_forks};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::thread;

both!(
    they_are_named_by_the_commit,
    they_can_be_read_and_removed_before,
    many_threads_put_them,
    those_of_others_are_found,
    a_torn_one_is_replaced,
    those_that_are_given_up_leave_nothing,
    those_that_were_put_at_once_are_given_up_as_well,
    one_is_put_again_to_be_hashed,
    what_cannot_be_stored_can_be_taken_away,
    a_full_disk_is_told_and_can_be_cleared,
);

/// More than wait at a time, and than are put while others make their files.
const MANY: usize = 2500;

fn content(number: usize) -> Vec<u8> {
    format!("a small blob, the {number}th").into_bytes()
}

/// The contents of all blobs; each has the name that another tool gives it.
fn contents(path: &Path) -> BTreeSet<Vec<u8>> {
    let folder = path.join("blobs/sha256");
    let sums = run(Command::new("sh").current_dir(&folder).args(["-c", "ls | xargs -r sha256sum"]));
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        assert_eq!(sum, name);
    }
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn all_of(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<Vec<u8>> {
    numbers.into_iter().map(content).collect()
}

fn they_are_named_by_the_commit<A: Api>() {
    for threads in [1, 4] {
        let (_scratch, path, layout) = layout::<A>();
        layout.set_threads(threads);
        let transaction = layout.begin().unwrap();
        for number in 0..MANY {
            put(&transaction, &content(number), OCTETS);
            // What was put before is not put again, wherever it is by now.
            put(&transaction, &content(number / 2), OCTETS);
        }
        assert_eq!(contents(&path), BTreeSet::new());
        transaction.commit().unwrap();
        assert_eq!(contents(&path), all_of(0..MANY));
        drop((transaction, layout));
        assert_clean(&path);
    }
}

fn they_can_be_read_and_removed_before<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let transaction = layout.begin().unwrap();
    let stored: Vec<_> =
        (0..MANY).map(|number| put(&transaction, &content(number), OCTETS).descriptor).collect();
    for number in (0..MANY).step_by(197).chain([MANY - 2, MANY - 1]) {
        let (blob, expected) = (&stored[number], content(number));
        assert_eq!(transaction.blob_size(blob.digest().as_str()).unwrap(), expected.len() as u64);
        assert_eq!(transaction.read_blob(blob, 100).unwrap(), expected);
        assert_eq!(layout.read_blob(blob, 100).unwrap_err().kind, Kind::NotFound);
    }
    let last = put(&transaction, b"the last", OCTETS).descriptor;
    for blob in [&stored[0], &stored[MANY - 1], &last] {
        transaction.remove_blob(blob.digest().as_str()).unwrap();
        assert_eq!(transaction.read_blob(blob, 100).unwrap_err().kind, Kind::NotFound);
    }
    put(&transaction, &content(0), OCTETS);
    transaction.commit().unwrap();
    assert_eq!(contents(&path), all_of(0..MANY - 1));
}

fn many_threads_put_them<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let transaction = layout.begin().unwrap();
    thread::scope(|scope| {
        for first in 0..4 {
            let transaction = &transaction;
            scope.spawn(move || {
                // Each is put by two of them.
                for number in (0..MANY).filter(|number| number % 4 / 2 == first / 2) {
                    let blob = put(transaction, &content(number), OCTETS).descriptor;
                    if number % 250 == first {
                        assert_eq!(transaction.read_blob(&blob, 100).unwrap(), content(number));
                    }
                }
            });
        }
    });
    transaction.commit().unwrap();
    assert_eq!(contents(&path), all_of(0..MANY));
    drop((transaction, layout));
    assert_clean(&path);
}

fn those_of_others_are_found<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let blob = put(&layout, &content(0), OCTETS).descriptor;
    let file = blob_path(&path, blob.digest().as_str());
    let before = std::fs::metadata(&file).unwrap().modified().unwrap();
    let transaction = layout.begin().unwrap();
    put(&transaction, &content(0), OCTETS);
    transaction.commit().unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), before);
}

fn a_torn_one_is_replaced<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let files = [0, 1].map(|number| {
        let blob = put(&layout, &content(number), OCTETS).descriptor;
        blob_path(&path, blob.digest().as_str())
    });
    drop(layout);
    // One that only its hash tells.
    std::fs::write(&files[0], b"torn").unwrap();
    std::fs::write(&files[1], vec![b'x'; content(1).len()]).unwrap();
    let layout = A::open(&path, OPEN).unwrap();
    let transaction = layout.begin().unwrap();
    put(&transaction, &content(0), OCTETS);
    put(&transaction, &content(1), OCTETS);
    let rehash = Options { rehash: true, ..Options::default() };
    transaction.put(Source::Memory(&content(1)), &rehash).unwrap();
    transaction.commit().unwrap();
    assert_eq!(contents(&path), all_of(0..2));
}

fn those_that_are_given_up_leave_nothing<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for count in [3, MANY] {
        let transaction = layout.begin().unwrap();
        for number in 0..count {
            put(&transaction, &content(number), OCTETS);
        }
        drop(transaction);
        assert_eq!(contents(&path), BTreeSet::new());
        assert_clean(&path);
    }
}

fn those_that_were_put_at_once_are_given_up_as_well<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(4);
    for _ in 0..100 {
        let transaction = layout.begin().unwrap();
        let contents: [&[u8]; 4] = [b"one", b"two", b"three", b"four"];
        let sources = contents.map(|content| (Among::Memory(content), Options::default()));
        transaction.put_all(sources.into(), 0, None).unwrap();
        put(&transaction, b"five", OCTETS);
        drop(transaction);
        // At once, and not when some thread comes to it.
        assert_clean(&path);
    }
}

/// While others make its file, as they begin to when so many are held; what is asked at
/// last holds.
fn one_is_put_again_to_be_hashed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let few = [0, 1, 2, 3].map(|number| {
        let blob = put(&layout, &content(number), OCTETS).descriptor;
        blob_path(&path, blob.digest().as_str())
    });
    let rehash = Options { rehash: true, ..Options::default() };
    for _ in 0..100 {
        for (number, file) in few.iter().enumerate() {
            std::fs::write(file, vec![b'x'; content(number).len()]).unwrap();
        }
        let transaction = layout.begin().unwrap();
        for number in 0..64 {
            put(&transaction, &content(number), OCTETS);
        }
        for number in 0..few.len() {
            transaction.put(Source::Memory(&content(number)), &rehash).unwrap();
        }
        transaction.commit().unwrap();
        assert_eq!(contents(&path), all_of(0..64));
    }
}

fn what_cannot_be_stored_can_be_taken_away<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let digest = crate::fixture::sha256(b"in the way");
    std::fs::create_dir(blob_path(&path, &digest)).unwrap();
    let transaction = layout.begin().unwrap();
    put(&transaction, b"in the way", OCTETS);
    put(&transaction, &content(0), OCTETS);
    assert_eq!(transaction.commit().unwrap_err().kind, Kind::Format);
    // What stands there is no blob, and stays.
    transaction.remove_blob(&digest).unwrap_err();
    transaction.commit().unwrap();
    std::fs::remove_dir(blob_path(&path, &digest)).unwrap();
    assert_eq!(contents(&path), all_of([0]));
}

fn a_full_disk_is_told_and_can_be_cleared<A: Api>() {
    let Some(disk) = Disk::new("size=24m") else { return };
    let path = disk.path().join("layout");
    let layout = A::open(&path, crate::api::CREATE).unwrap();
    let filler = disk.path().join("filler");
    let alone = without_forks();
    std::fs::write(&filler, vec![7; 22 << 20]).unwrap();
    let transaction = layout.begin().unwrap();
    // As many as wait in memory are taken, and those are still there later.
    let put = |number: usize| {
        transaction.put(Source::Memory(&content(number)), &Options::default()).err()
    };
    let (first, failure) =
        (0..2 * MANY).find_map(|number| Some((number, put(number)?))).expect("a full disk");
    assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::ENOSPC));
    assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
    let failure = transaction.commit().unwrap_err();
    assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::ENOSPC));
    assert_eq!(names(&path), [""; 0]);
    std::fs::remove_file(&filler).unwrap();
    drop(alone);
    let entry = image(&transaction, "x");
    transaction.append(&entry, Some("x"), Append::default()).unwrap();
    transaction.commit().unwrap();
    assert_eq!(names(&path), ["x"]);
    assert!(contents(&path).is_superset(&all_of(0..first)));
    drop((transaction, layout));
    assert_clean(&path);
}
