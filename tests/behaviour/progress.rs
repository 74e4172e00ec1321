//! How far a call has come: told on the calling thread, at a bounded rate, and asked
//! whether it is to go on.

use crate::api::{Among, Api, Kind, Options, Outcome, Progress, Source};
use crate::both;
use crate::fixture::{assert_clean, layout, noise, sha256, snapshot, text};
use std::io::{Seek, SeekFrom, Write};
use std::sync::LazyLock;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

both!(
    the_end_of_each_source_is_told,
    the_end_of_a_source_that_nobody_read_is_told,
    a_slow_source_is_told_of_at_a_bounded_rate,
    sources_at_once_are_told_of_as_one,
    a_call_that_fails_has_no_end,
    the_first_no_stops_the_call,
    a_no_at_the_end_comes_too_late,
    an_endless_source_stops_at_its_limit,
);

const MIB: usize = 1 << 20;

static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| noise(2 * MIB));

fn compressions() -> [Options; 3] {
    let none = Options::default;
    [none(), Options { gzip: Some(1), ..none() }, Options { zstd: Some(1), ..none() }]
}

/// What was told, on which thread, and when.
#[derive(Default)]
struct Told(Vec<(Progress, ThreadId, Instant)>);

impl Told {
    fn add(&mut self, progress: Progress) -> bool {
        self.0.push((progress, thread::current().id(), Instant::now()));
        true
    }

    /// Asks for what holds of every call that took so long and succeeded.
    fn check(&self, begun: Instant) -> Progress {
        let here = thread::current().id();
        assert!(self.0.iter().all(|(_, thread, _)| *thread == here), "on another thread");
        for pair in self.0.windows(2) {
            let [(before, ..), (after, ..)] = pair else { unreachable!() };
            assert!(before.bytes <= after.bytes && before.items <= after.items, "{pair:?}");
            let totals = |progress: &Progress| (progress.bytes_total, progress.items_total);
            assert_eq!(totals(before), totals(after));
        }
        // All but the last wait for their turn; a clock of the library's may be a
        // little ahead of this one.
        let (.., last) = self.0.last().expect("the end is told");
        let turns = (last.duration_since(begun).as_millis() / 95) as usize;
        assert!(self.0.len() <= turns + 1, "told {} times in {turns} turns", self.0.len());
        self.0.last().unwrap().0
    }
}

/// Gives so many bytes in as many parts, and waits before each.
fn slow(parts: usize, size: usize) -> impl FnMut(&mut [u8]) -> i64 + Send {
    let mut left = parts;
    move |buf: &mut [u8]| {
        if left == 0 {
            return 0;
        }
        left -= 1;
        thread::sleep(Duration::from_millis(10));
        let n = size.min(buf.len());
        buf[..n].fill(7);
        i64::try_from(n).unwrap()
    }
}

fn the_end_of_each_source_is_told<A: Api>() {
    let (scratch, _path, layout) = layout::<A>();
    let weights = scratch.path().join("weights");
    for size in [0, 1, 3 * MIB] {
        let content = text(size);
        std::fs::write(&weights, &content).unwrap();
        for options in compressions() {
            for (way, total) in [(0, Some(size)), (1, Some(size)), (2, Some(size)), (3, None)] {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(b"before").unwrap();
                file.write_all(&content).unwrap();
                file.seek(SeekFrom::Start(6)).unwrap();
                let mut rest = content.as_slice();
                let mut read = |buf: &mut [u8]| {
                    i64::try_from(std::io::Read::read(&mut rest, buf).unwrap()).unwrap()
                };
                let source = match way {
                    0 => Source::Memory(&content),
                    1 => Source::File(file),
                    2 => Source::Path(&weights),
                    _ => Source::Callback(&mut read),
                };
                let (mut told, begun) = (Told::default(), Instant::now());
                layout.put_watched(source, &options, &mut |progress| told.add(progress)).unwrap();
                let expected = Progress {
                    bytes: size as u64,
                    bytes_total: total.map(|total| total as u64),
                    items: 1,
                    items_total: Some(1),
                };
                assert_eq!(told.check(begun), expected, "way {way}");
            }
        }
    }
}

/// Its blob is there already, as its digest and size tell.
fn the_end_of_a_source_that_nobody_read_is_told<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let (digest, size) = (sha256(&NOISE), NOISE.len() as u64);
    let known = Options { digest: Some(digest), size: Some(size), ..Options::default() };
    layout.put(Source::Memory(&NOISE), &known).unwrap();
    let (mut told, begun) = (Told::default(), Instant::now());
    let mut watch = |progress| told.add(progress);
    layout.put_watched(Source::Memory(&NOISE), &known, &mut watch).unwrap();
    let last = told.check(begun);
    assert_eq!((last.items, last.items_total), (1, Some(1)));
    assert_eq!((last.bytes, last.bytes_total), (size, Some(size)));
}

fn a_slow_source_is_told_of_at_a_bounded_rate<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    for options in compressions() {
        let (mut told, begun) = (Told::default(), Instant::now());
        let mut read = slow(60, 4096);
        let watch = &mut |progress| told.add(progress);
        layout.put_watched(Source::Callback(&mut read), &options, watch).unwrap();
        assert_eq!(told.check(begun).bytes, 60 * 4096);
        assert!(told.0.len() >= 4, "told {} times in over 600 ms", told.0.len());
        let (first, .., at) = told.0[0];
        assert!(first.bytes < 60 * 4096 && first.items == 0, "{first:?}");
        assert!(at.duration_since(begun) >= Duration::from_millis(95));
    }
}

fn sources_at_once_are_told_of_as_one<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(3);
    for concurrency in [1, 2, 3] {
        for of_unknown_size in [false, true] {
            let mut sources: Vec<_> = compressions()
                .into_iter()
                .map(|options| (Among::Memory(NOISE.as_slice()), options))
                .collect();
            let (mut bytes, mut total) = (3 * NOISE.len() as u64, Some(3 * NOISE.len() as u64));
            if of_unknown_size {
                sources.extend(
                    compressions()
                        .map(|options| (Among::Callback(Box::new(slow(30, 4096))), options)),
                );
                (bytes, total) = (bytes + 3 * 30 * 4096, None);
            }
            let items = sources.len() as u64;
            let (mut told, begun) = (Told::default(), Instant::now());
            let mut watch = |progress| told.add(progress);
            layout.put_all(sources, concurrency, Some(&mut watch)).unwrap();
            let expected = Progress { bytes, bytes_total: total, items, items_total: Some(items) };
            assert_eq!(told.check(begun), expected, "{concurrency} at once");
            assert!(told.0.len() > 2 || !of_unknown_size, "told {} times", told.0.len());
        }
    }
    assert_clean(&path);
}

fn a_call_that_fails_has_no_end<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let mut told = Told::default();
    let mut watch = |progress| told.add(progress);
    let mut fails = |_: &mut [u8]| -1;
    let single = layout.put_watched(Source::Callback(&mut fails), &Options::default(), &mut watch);
    assert_eq!(single.unwrap_err().kind, Kind::Callback);
    let sources = vec![(Among::Callback(Box::new(|_| -1)), Options::default())];
    let all = layout.put_all(sources, 2, Some(&mut watch));
    assert_eq!(all.unwrap_err().kind, Kind::Callback);
    assert!(told.0.is_empty());
}

fn the_first_no_stops_the_call<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(3);
    let before = snapshot(&path);
    for options in compressions() {
        for size in [4096, MIB] {
            let (mut stopped, mut told) = (None, 0);
            let mut endless = slow(usize::MAX, size);
            let failure = layout.put_watched(Source::Callback(&mut endless), &options, &mut |_| {
                told += 1;
                stopped = Some(Instant::now());
                false
            });
            let failure = failure.unwrap_err();
            assert_eq!(failure.kind, Kind::Cancelled, "{}", failure.message);
            assert_eq!(told, 1);
            let took = stopped.unwrap().elapsed();
            assert!(took < Duration::from_secs(2), "it went on for {took:?}");
            assert_eq!(snapshot(&path), before);
        }
        layout.put(Source::Memory(&NOISE), &options).expect("the next call");
        layout.remove_blob(&stored_digest(&layout, &options)).unwrap();
    }
}

fn stored_digest<A: Api>(layout: &A, options: &Options) -> String {
    layout.put(Source::Memory(&NOISE), options).unwrap().descriptor.digest().to_string()
}

fn a_no_at_the_end_comes_too_late<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let digest = sha256(b"late");
    layout.put_watched(Source::Memory(b"late"), &Options::default(), &mut |_| false).unwrap();
    assert_eq!(layout.blob_size(&digest).unwrap(), 4);
    let sources = vec![(Among::Memory(b"later"), Options::default())];
    assert_eq!(layout.put_all(sources, 0, Some(&mut |_| false)).unwrap().len(), 1);
}

fn an_endless_source_stops_at_its_limit<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(3);
    let before = snapshot(&path);
    let endless = || {
        let mut random = fastrand::Rng::with_seed(1);
        move |buf: &mut [u8]| {
            random.fill(buf);
            i64::try_from(buf.len()).unwrap()
        }
    };
    for options in compressions() {
        let options = Options { limit: Some(3 * MIB as u64), ..options };
        let check = |outcome: Outcome<()>| {
            let failure = outcome.unwrap_err();
            assert_eq!(failure.kind, Kind::Limit, "{}", failure.message);
            assert_eq!(snapshot(&path), before);
        };
        check(layout.put(Source::Callback(&mut endless()), &options).map(drop));
        let sources = vec![(Among::Callback(Box::new(endless())), options)];
        check(layout.put_all(sources, 2, None).map(drop));
    }
}
