//! Many sources that are stored by one call.

use crate::api::{Among, Api, Kind, Options, Read, Stored};
use crate::both;
use crate::fixture::{assert_clean, layout, noise, sha256, snapshot};
use crate::mounts::Disk;
use parking_lot::{Condvar, Mutex};
use std::fs::File;
use std::io::{Read as _, Seek};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

both!(
    descriptors_come_in_the_order_of_their_sources,
    a_hundred_sources_on_two_threads,
    no_sources_are_no_blobs,
    the_same_blob_twice_is_one,
    one_at_a_time_is_on_the_calling_thread,
    no_source_is_read_by_two_threads_at_once,
    sources_may_wait_for_each_other,
    a_transaction_stores_them_too,
    files_may_say_that_they_are_larger_than_anything,
);

const MIB: usize = 1 << 20;

/// What lives as long as a source that another thread may read.
pub static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| noise(3 * MIB));

pub fn none() -> Options {
    Options::default()
}

pub fn gzip() -> Options {
    Options { gzip: Some(1), ..Options::default() }
}

pub fn zstd() -> Options {
    Options { zstd: Some(1), ..Options::default() }
}

pub fn callback(read: impl FnMut(&mut [u8]) -> i64 + Send + 'static) -> Among {
    Among::Callback(Box::new(read) as Box<Read<'static>>)
}

/// A callback that gives these bytes.
fn gives(bytes: Vec<u8>) -> Among {
    let mut rest = std::io::Cursor::new(bytes);
    callback(move |buf| i64::try_from(rest.read(buf).unwrap()).unwrap())
}

/// The digests of what the sources gave, which are kept as the diff IDs of those that
/// were compressed.
fn of_sources(stored: &[Stored]) -> Vec<String> {
    let digest = |stored: &Stored| stored.descriptor.digest().to_string();
    stored.iter().map(|one| one.diff_id.clone().unwrap_or_else(|| digest(one))).collect()
}

fn descriptors_come_in_the_order_of_their_sources<A: Api>() {
    static FILE: LazyLock<File> = LazyLock::new(|| {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"before the file").unwrap();
        file
    });
    // There is one place where it stands.
    static FILE_IS_MINE: Mutex<()> = parking_lot::const_mutex(());
    let _mine = FILE_IS_MINE.lock();
    let (scratch, path, layout) = layout::<A>();
    let weights = scratch.path().join("weights.bin");
    std::fs::write(&weights, &NOISE[..2 * MIB]).unwrap();
    for threads in [1, 2, 8] {
        layout.set_threads(threads);
        for concurrency in [0, 1, 2, 100] {
            (&*FILE).seek(std::io::SeekFrom::Start(7)).unwrap();
            let sources = vec![
                (Among::Memory(&NOISE), gzip()),
                (Among::Memory(b"abc"), none()),
                (gives(NOISE[1..].to_vec()), zstd()),
                (Among::File(&FILE), gzip()),
                (Among::Path(weights.clone()), none()),
                (gives(Vec::new()), none()),
                (gives(NOISE[2..].to_vec()), none()),
            ];
            let stored = layout.put_all(sources, concurrency, None).unwrap();
            let expected = [
                &NOISE,
                b"abc".as_slice(),
                &NOISE[1..],
                b"the file",
                &NOISE[..2 * MIB],
                b"",
                &NOISE[2..],
            ];
            assert_eq!(of_sources(&stored), expected.map(sha256));
            let title = stored[4].descriptor.annotation("org.opencontainers.image.title");
            assert_eq!(title, Some("weights.bin"));
            assert_clean(&path);
            for one in &stored {
                layout.remove_blob(one.descriptor.digest().as_str()).unwrap();
            }
        }
    }
}

fn a_hundred_sources_on_two_threads<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(2);
    let content = |n: usize| NOISE[n..n + 5000 * (n % 7)].to_vec();
    let sources = (0..100).map(|n| (gives(content(n)), [none(), gzip(), zstd()][n % 3].clone()));
    let stored = layout.put_all(sources.collect(), 0, None).unwrap();
    let expected: Vec<String> = (0..100).map(|n| sha256(&content(n))).collect();
    assert_eq!(of_sources(&stored), expected);
    assert_clean(&path);
}

fn no_sources_are_no_blobs<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let before = snapshot(&path);
    for concurrency in [0, 1, 8] {
        assert!(layout.put_all(Vec::new(), concurrency, None).unwrap().is_empty());
    }
    assert_eq!(snapshot(&path), before);
}

fn the_same_blob_twice_is_one<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(3);
    for options in [none(), gzip(), zstd()] {
        let sources = (0..6).map(|_| (Among::Memory(NOISE.as_slice()), options.clone()));
        let stored = layout.put_all(sources.collect(), 3, None).unwrap();
        assert_eq!(stored.len(), 6);
        for one in &stored {
            assert_eq!(one.descriptor.json(), stored[0].descriptor.json());
        }
    }
    assert_clean(&path);
}

fn one_at_a_time_is_on_the_calling_thread<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(4);
    let seen: Arc<Mutex<Vec<(usize, ThreadId)>>> = Arc::default();
    let sources = (0..4_usize).map(|number| {
        let (seen, mut left) = (Arc::clone(&seen), 3 * MIB + number);
        let source = callback(move |buf| {
            seen.lock().push((number, thread::current().id()));
            let n = left.min(buf.len());
            buf[..n].fill(number as u8);
            left -= n;
            i64::try_from(n).unwrap()
        });
        (source, [none(), gzip(), zstd(), none()][number].clone())
    });
    layout.put_all(sources.collect(), 1, None).unwrap();
    let seen = seen.lock();
    assert!(seen.iter().all(|(_, on)| *on == thread::current().id()));
    assert!(seen.is_sorted_by_key(|(number, _)| number), "one after another");
    assert_eq!(seen.last().unwrap().0, 3);
    assert_clean(&path);
}

fn no_source_is_read_by_two_threads_at_once<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(4);
    let threads: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
    let sources = (0..8_usize).map(|number| {
        let (threads, inside, mut left) = (Arc::clone(&threads), AtomicBool::new(false), 2 * MIB);
        let source = callback(move |buf| {
            assert!(!inside.swap(true, Ordering::SeqCst), "two at once");
            threads.lock().push(thread::current().id());
            let n = left.min(buf.len());
            buf[..n].fill(number as u8);
            left -= n;
            thread::sleep(Duration::from_micros(100));
            inside.store(false, Ordering::SeqCst);
            i64::try_from(n).unwrap()
        });
        (source, [none(), gzip(), zstd()][number % 3].clone())
    });
    layout.put_all(sources.collect(), 3, None).unwrap();
    let mut threads = threads.lock().clone();
    threads.sort_by_key(|thread| format!("{thread:?}"));
    threads.dedup();
    assert!(threads.len() > 1 && threads.len() <= 3, "{threads:?}");
    assert_clean(&path);
}

/// Where sources meet.
#[derive(Default)]
struct Meeting {
    come: Mutex<usize>,
    more: Condvar,
}

impl Meeting {
    /// Waits until so many have come; says whether they did.
    fn wait_for(&self, count: usize) -> bool {
        let mut come = self.come.lock();
        *come += 1;
        self.more.notify_all();
        let patience = Duration::from_secs(20);
        let missing = |come: &mut usize| *come < count;
        !self.more.wait_while_for(&mut come, missing, patience).timed_out()
    }
}

fn sources_may_wait_for_each_other<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(2);
    for options in [none(), gzip(), zstd()] {
        let meeting = Arc::new(Meeting::default());
        let sources = (0..2_usize).map(|number| {
            let (meeting, mut given) = (Arc::clone(&meeting), 0);
            let source = callback(move |buf| {
                // At the start, and when pieces of both are at work.
                for (turn, at) in [0, 3 * MIB].into_iter().enumerate() {
                    if given == at && !meeting.wait_for(2 * (turn + 1)) {
                        return -1;
                    }
                }
                let n =
                    buf.len().min(if given < 3 * MIB { 3 * MIB - given } else { 6 * MIB - given });
                buf[..n].fill(number as u8);
                given += n;
                i64::try_from(n).unwrap()
            });
            (source, options.clone())
        });
        layout.put_all(sources.collect(), 2, None).expect("they meet");
    }
    assert_clean(&path);
}

fn a_transaction_stores_them_too<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let transaction = layout.begin().unwrap();
    transaction.set_threads(3);
    let before = snapshot(&path);
    let sources = (0..5).map(|n| (gives(NOISE[n..n + 2 * MIB].to_vec()), gzip()));
    let stored = transaction.put_all(sources.collect(), 3, None).unwrap();
    assert_eq!(snapshot(&path), before, "nobody sees them yet");
    transaction.commit().unwrap();
    for one in &stored {
        let digest = one.descriptor.digest().as_str();
        assert_eq!(layout.blob_size(digest).unwrap(), one.descriptor.size());
    }
    assert_clean(&path);
}

/// Three of the largest sparse files: their sizes do not fit into one number.
fn files_may_say_that_they_are_larger_than_anything<A: Api>() {
    let Some(disk) = Disk::new("size=1m") else { return };
    let (_scratch, path, layout) = layout::<A>();
    let file = disk.path().join("sparse");
    File::create(&file).unwrap().set_len(i64::MAX as u64).unwrap();
    let at_most = Options { limit: Some(5), ..none() };
    let sources = (0..3).map(|_| (Among::Path(file.clone()), at_most.clone())).collect();
    let failure = layout.put_all(sources, 1, None).unwrap_err();
    assert_eq!(failure.kind, Kind::Limit, "{}", failure.message);
    assert_clean(&path);
}
