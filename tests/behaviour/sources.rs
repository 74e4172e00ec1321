//! Files as sources, by their paths.

use crate::api::{Among, Api, Kind, Options, Source};
use crate::both;
use crate::fixture::{ABC, assert_clean, layout, make_fifo, options, snapshot, text};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::time::{Duration, Instant};

both!(
    a_file_gets_its_name_as_title,
    what_is_no_file_is_refused_and_not_waited_for,
    a_file_that_changes_while_it_is_read_is_refused,
);

const TITLE: &str = "org.opencontainers.image.title";
const MIB: usize = 1 << 20;

fn none() -> Options {
    Options::default()
}

fn gzip(level: i32) -> Options {
    Options { gzip: Some(level), ..Options::default() }
}

fn a_file_gets_its_name_as_title<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let folder = scratch.path().join("models/large");
    fs::create_dir_all(&folder).unwrap();
    let weights = "application/vnd.example.weights";
    for name in ["weights.bin", "with spaces", "grüß", "\"quoted\"\n", ".hidden", "-"] {
        fs::write(folder.join(name), "abc").unwrap();
        let stored = layout.put(Source::Path(&folder.join(name)), &options(weights)).unwrap();
        assert_eq!(stored.descriptor.annotation(TITLE), Some(name));
        assert_eq!(stored.descriptor.annotations().count(), 1);
        assert_eq!(stored.descriptor.media_type().as_str(), weights);
        assert_eq!(stored.descriptor.digest().as_str(), ABC);
        assert_eq!(stored.diff_id, None);
    }
    // A link is followed, and it is its own name that counts.
    symlink(folder.join("weights.bin"), folder.join("link")).unwrap();
    let stored = layout.put(Source::Path(&folder.join("link")), &gzip(6)).unwrap();
    assert_eq!(stored.descriptor.annotation(TITLE), Some("link"));
    assert_eq!(stored.diff_id.as_deref(), Some(ABC));
    // One that is there and is not read gets it as well.
    let known = Options { digest: Some(ABC.to_owned()), size: Some(3), ..none() };
    let stored = layout.put(Source::Path(&folder.join("weights.bin")), &known).unwrap();
    assert_eq!(stored.descriptor.annotation(TITLE), Some("weights.bin"));
    // An open file has no name.
    let file = File::open(folder.join("weights.bin")).unwrap();
    let stored = layout.put(Source::File(file), &none()).unwrap();
    assert_eq!(stored.descriptor.annotation(TITLE), None);
    assert_clean(&path);
}

fn what_is_no_file_is_refused_and_not_waited_for<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let before = snapshot(&path);
    let at = |name: &str| scratch.path().join(name);
    make_fifo(&at("fifo"));
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("file"), "abc").unwrap();
    symlink(at("absent"), at("dangling")).unwrap();
    symlink(at("loop"), at("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let not_text = scratch.path().join(std::ffi::OsStr::from_bytes(b"not \xff text"));
    fs::write(&not_text, "abc").unwrap();
    let trusted = Options { digest: Some(ABC.to_owned()), size: Some(3), trusted: true, ..none() };
    let begun = Instant::now();
    for (file, kind, errno) in [
        (at("fifo"), Kind::Format, 0),
        (at("folder"), Kind::Format, 0),
        (at("socket"), Kind::Format, 0),
        ("/dev/zero".into(), Kind::Format, 0),
        (at("absent"), Kind::NotFound, 0),
        (at("dangling"), Kind::NotFound, 0),
        (at("folder/absent"), Kind::NotFound, 0),
        (at("loop"), Kind::Io, libc::ELOOP),
        (at("file/below"), Kind::Io, libc::ENOTDIR),
        // A regular file whose first page cannot be read, whoever asks.
        ("/proc/self/mem".into(), Kind::Io, libc::EIO),
        (at("a").join("n".repeat(256)), Kind::NotFound, 0),
        (at(&"n".repeat(256)), Kind::Io, libc::ENAMETOOLONG),
        (not_text, Kind::Invalid, 0),
        (at("folder/.."), Kind::Invalid, 0),
        ("/".into(), Kind::Invalid, 0),
        ("".into(), Kind::Invalid, 0),
    ] {
        for options in [none(), gzip(1), trusted.clone()] {
            let single = layout.put(Source::Path(&file), &options).unwrap_err();
            let sources = vec![(Among::Path(file.clone()), options)];
            let all = layout.put_all(sources, 0, None).unwrap_err();
            for failure in [&single, &all] {
                let what = format!("{}: {}", file.display(), failure.message);
                assert_eq!((failure.kind, failure.errno), (kind, errno), "{what}");
                let named = if kind == Kind::Invalid {
                    failure.message.contains("path: ")
                } else {
                    failure.message.contains(file.to_str().unwrap())
                };
                assert!(named, "{what}");
            }
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "something was waited for");
    assert_eq!(snapshot(&path), before);
}

/// What happens to a file of so many bytes.
type Change = (&'static str, fn(&File, u64));

/// The first call of the watch changes the file: a slow way leaves enough of it by then.
fn a_file_that_changes_while_it_is_read_is_refused<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    layout.set_threads(1);
    let file = scratch.path().join("changing");
    let changes: [Change; 4] = [
        ("cut to nothing", |file, _| file.set_len(0).unwrap()),
        ("written to", |file, _| file.write_all_at(b"x", 5).unwrap()),
        ("cut by a byte", |file, size| file.set_len(size - 1).unwrap()),
        ("longer by a byte", |file, size| file.set_len(size + 1).unwrap()),
    ];
    let by_sha512 = Options { algorithm: Some("sha512".to_owned()), ..none() };
    layout.put(Source::Memory(b"first of its algorithm"), &by_sha512).unwrap();
    for (options, mebibytes, changes) in
        [(by_sha512, 256, &changes[..2]), (gzip(9), 32, changes.as_slice())]
    {
        let before = snapshot(&path);
        let content = if options.gzip.is_some() { text(MIB) } else { vec![0; MIB] };
        for (what, change) in changes {
            let changing = File::create(&file).unwrap();
            (0..mebibytes).for_each(|_| (&changing).write_all(&content).unwrap());
            let size = changing.metadata().unwrap().len();
            let mut changed = false;
            let outcome = layout.put_watched(Source::Path(&file), &options, &mut |told| {
                if !changed && told.bytes < size {
                    change(&changing, size);
                    changed = true;
                    // Until the clock of the file system has gone on.
                    std::thread::sleep(Duration::from_millis(20));
                }
                true
            });
            assert!(changed, "{what}: {size} bytes were read too fast");
            let failure = outcome.expect_err(what);
            assert_eq!(failure.kind, Kind::Conflict, "{what}: {}", failure.message);
            assert!(failure.message.contains(file.to_str().unwrap()), "{}", failure.message);
            assert!(failure.message.contains("changed"), "{}", failure.message);
            assert_eq!(snapshot(&path), before, "{what}");
        }
    }
}
