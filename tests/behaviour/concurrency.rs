//! Many writers at once: threads on one handle, and on several.

use crate::api::{Api, Append, Matcher, OPEN, Options, Source};
use crate::both;
use crate::fixture::{ABC, OCTETS, assert_clean, image, layout, names, put};

both!(
    no_entry_is_lost_among_threads_on_one_handle,
    no_entry_is_lost_among_handles,
    readers_never_see_half_an_edit,
    layers_are_written_side_by_side,
    the_same_blob_can_be_put_at_once,
);

fn no_entry_is_lost_among_threads_on_one_handle<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    std::thread::scope(|scope| {
        for n in 0..40 {
            let layout = &layout;
            scope.spawn(move || {
                let name = format!("name{n}");
                layout.append(&image(layout, &name), Some(&name), Append::default()).unwrap();
            });
        }
    });
    let mut names = names(&path);
    names.sort();
    let mut expected: Vec<String> = (0..40).map(|n| format!("name{n}")).collect();
    expected.sort();
    assert_eq!(names, expected);
    assert_clean(&path);
}

fn no_entry_is_lost_among_handles<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let own = A::open(path, OPEN).unwrap();
                for round in 0..5 {
                    let (old, name) = (format!("n{n}"), format!("n{n}"));
                    let entry = image(&own, &format!("{n}-{round}"));
                    let replaced = own.replace(&Matcher::Name(&old), &entry, Some(&name)).unwrap();
                    assert_eq!(replaced, usize::from(round > 0), "its own entry is there");
                    let extra = format!("extra{n}-{round}");
                    own.append(&entry, Some(&extra), Append::default()).unwrap();
                    if round > 2 {
                        assert_eq!(own.remove(&Matcher::Name(&extra)).unwrap(), 1);
                    }
                }
            });
        }
    });
    let names = names(&path);
    assert_eq!(names.len(), 8 * (1 + 3), "{names:?}");
    assert_clean(&path);
}

fn readers_never_see_half_an_edit<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..100 {
                layout.append(&entry, Some(&format!("n{n}")), Append::default()).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let reader = A::open(&path, OPEN).unwrap();
        let (mut seen, mut rounds) = (0, 0);
        while !done.load(std::sync::atomic::Ordering::Relaxed) || rounds == 0 {
            let now = reader.list(None).unwrap().len();
            assert!(now >= seen, "an entry went away: {now} after {seen}");
            (seen, rounds) = (now, rounds + 1);
        }
    });
    assert_eq!(layout.list(None).unwrap().len(), 100);
}

fn layers_are_written_side_by_side<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    std::thread::scope(|scope| {
        for n in 0..8_u8 {
            let layout = &layout;
            scope.spawn(move || {
                let content = vec![n; 1 << 20];
                let options = Options { gzip: Some(1), ..Options::default() };
                let stored = layout.put(Source::Push(&content, 9999), &options).unwrap();
                assert_eq!(stored.diff_id, Some(crate::fixture::sha256(&content)));
            });
        }
    });
    assert_clean(&path);
}

fn the_same_blob_can_be_put_at_once<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let stored = layout.put(Source::Memory(b"abc"), &Options::default()).unwrap();
                    assert_eq!(stored.descriptor.digest().as_str(), ABC);
                }
            });
        }
    });
    assert_clean(&path);
}
