//! Many sources of which one fails, or whose call is stopped.

use super::at_once::{NOISE, callback, gzip, none, zstd};
use crate::api::{Among, Api, Kind, Options};
use crate::both;
use crate::fixture::{ABC, assert_clean, layout, snapshot};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

both!(one_that_fails_stops_the_others, why_it_failed_is_never_lost, a_watch_stops_them_all);

const MIB: usize = 1 << 20;

/// A callback that never comes to an end, slowly.
fn endless() -> Among {
    callback(|buf| {
        thread::sleep(Duration::from_millis(1));
        buf.fill(7);
        i64::try_from(buf.len()).unwrap()
    })
}

/// A source that fails, what its failure is, and what the message says of it.
type Bad = (Box<dyn Fn(&Path) -> (Among, Options)>, Kind, &'static str);

fn bad_sources() -> Vec<Bad> {
    let after = |good: usize| {
        let mut left = good;
        callback(move |buf| {
            let n = left.min(buf.len());
            left -= n;
            if n == 0 { -42 } else { i64::try_from(n).unwrap() }
        })
    };
    let of_abc = Options { digest: Some(ABC.to_owned()), ..Options::default() };
    vec![
        (Box::new(move |_| (after(0), none())), Kind::Callback, "-42"),
        (Box::new(move |_| (after(2 * MIB), gzip())), Kind::Callback, "-42"),
        (Box::new(move |_| (after(2 * MIB), zstd())), Kind::Callback, "-42"),
        (Box::new(|path| (Among::Path(path.join("absent")), none())), Kind::NotFound, "absent"),
        (Box::new(|path| (Among::Path(path.into()), gzip())), Kind::Format, "regular file"),
        (
            Box::new(move |_| (Among::Memory(NOISE.as_slice()), of_abc.clone())),
            Kind::Digest,
            "ba7816bf",
        ),
        (
            Box::new(|_| (Among::Memory(&NOISE), Options { limit: Some(5), ..gzip() })),
            Kind::Limit,
            "5 bytes",
        ),
    ]
}

fn one_that_fails_stops_the_others<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    layout.set_threads(3);
    let before = snapshot(&path);
    for (bad, kind, says) in bad_sources() {
        for (position, concurrency) in [(0, 1), (0, 3), (1, 3), (2, 0)] {
            let mut sources: Vec<_> =
                [none(), gzip(), zstd()].into_iter().map(|options| (endless(), options)).collect();
            sources.insert(position, bad(scratch.path()));
            let begun = Instant::now();
            let failure = layout.put_all(sources, concurrency, None).unwrap_err();
            let took = begun.elapsed();
            let message = &failure.message;
            assert_eq!(failure.kind, kind, "{message}");
            assert_eq!(failure.callback_code, if kind == Kind::Callback { -42 } else { 0 });
            assert!(message.contains(says), "{message}");
            assert!(message.contains(&format!("source {position}")), "{message}");
            assert!(took < Duration::from_secs(10), "{message}: after {took:?}");
            assert_eq!(snapshot(&path), before, "{message}");
        }
    }
    layout.put_all(vec![(Among::Memory(b"abc"), none())], 0, None).expect("the next call");
    assert_clean(&path);
}

/// Those that are given up have been stopped, and that is no reason.
fn why_it_failed_is_never_lost<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(4);
    for round in 0..300 {
        let quick = |buf: &mut [u8]| {
            buf[..100].fill(7);
            100
        };
        let mut left = round % 20;
        let bad = callback(move |_| {
            left -= 1;
            if left < 0 { -42 } else { 1 }
        });
        let mut sources = vec![(callback(quick), none()), (bad, none()), (callback(quick), none())];
        sources.rotate_left(round as usize % 3);
        let failure = layout.put_all(sources, 3, None).unwrap_err();
        let what = format!("round {round}: {}", failure.message);
        assert_eq!((failure.kind, failure.callback_code), (Kind::Callback, -42), "{what}");
    }
    assert_clean(&path);
}

fn a_watch_stops_them_all<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.set_threads(3);
    let before = snapshot(&path);
    for concurrency in [1, 2, 3] {
        let sources = [none(), gzip(), zstd(), none()].map(|options| (endless(), options)).into();
        let (caller, told) = (thread::current().id(), AtomicUsize::new(0));
        let mut stopped = None;
        let failure = layout.put_all(
            sources,
            concurrency,
            Some(&mut |_| {
                assert_eq!(thread::current().id(), caller);
                told.fetch_add(1, Ordering::Relaxed);
                stopped = Some(Instant::now());
                false
            }),
        );
        assert_eq!(failure.unwrap_err().kind, Kind::Cancelled);
        assert_eq!(told.load(Ordering::Relaxed), 1, "after it has said no it is asked no more");
        let took = stopped.unwrap().elapsed();
        assert!(took < Duration::from_secs(5), "{concurrency} at once: after {took:?}");
        assert_eq!(snapshot(&path), before);
    }
}
