//! Verifying while others write, and what it asks of the system.

use crate::api::{Api, Append, Image, Matcher, OPEN};
use crate::both;
use crate::fixture::{ABC, LAYER, OCTETS, blob_path, image, layout, put};
use crate::support::{compile, have_tools, output, program};
use crate::verify::{FULL, QUICK, assert_one, place};
use ocilayout::FindingKind::Digest;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

both!(what_others_replace_and_remove_is_not_missed, what_is_wrong_is_found_beside_writers);

/// Moves one name to and fro between two images for as long as `check` runs, and
/// removes all blobs of the one that has lost it.
fn beside_a_writer<A: Api>(layout: &A, path: &Path, check: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let own = A::open(path, OPEN).unwrap();
            let mut moves = 0;
            while !stop.load(Ordering::Relaxed) || moves < 2 {
                let entry = image(&own, ["one", "other"][moves % 2]);
                let before = own.list(Some(&Matcher::Name("moves"))).unwrap();
                own.replace(&Matcher::Name("moves"), &entry, Some("moves")).unwrap();
                for old in before {
                    let mut blobs = own.children(&old).unwrap();
                    blobs.push(old);
                    for blob in blobs {
                        own.remove_blob(blob.digest().as_str()).unwrap();
                    }
                }
                moves += 1;
            }
        });
        // It ends also when the check fails.
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    assert_eq!(layout.verify(FULL).unwrap(), []);
}

fn what_others_replace_and_remove_is_not_missed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    // The large blobs come first, and one for each core: by the time that the
    // small ones are looked at, others have had the name.
    let cores = std::thread::available_parallelism().unwrap().get();
    for n in 0..u8::try_from(cores).unwrap_or(u8::MAX) {
        put(&layout, &vec![n; 16 << 20], OCTETS);
    }
    beside_a_writer(&layout, &path, || {
        for round in 0..40 {
            assert_eq!(layout.verify(FULL).unwrap(), [], "round {round}");
            assert_eq!(layout.verify(QUICK).unwrap(), [], "round {round}, in haste");
        }
    });
}

fn what_is_wrong_is_found_beside_writers<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let broken = put(&layout, b"right", OCTETS).descriptor;
    layout.append(&broken, Some("broken"), Append::default()).unwrap();
    let (digest, file) = (broken.digest().as_str(), place(broken.digest().as_str()));
    fs::write(path.join(&file), "wrong").unwrap();
    beside_a_writer(&layout, &path, || {
        for _ in 0..100 {
            let found = layout.verify(FULL).unwrap();
            assert_one(&found, Digest, digest, &["index.json"], "expected digest");
        }
        fs::write(path.join(&file), "right").unwrap();
    });
}

/// The findings of tests/c/verify.c, which makes them under strace with these
/// options; none where it fails.
fn under_strace(path: &Path, scratch: &Path, options: &[&str]) -> Option<String> {
    let out = scratch.join("verify");
    compile("gcc", &["-std=c11"], "tests/c/verify.c", &out);
    let output = output(program("strace", scratch).args(options).arg(&out).arg(path));
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// What the system refuses of one file is a finding; what it refuses whoever asks
/// stops the verification.
#[test]
fn what_the_system_refuses() {
    if !have_tools(&["gcc", "strace"]) {
        return;
    }
    let (scratch, path, layout) = layout::<crate::core::Core>();
    put(&layout, b"abc", OCTETS);
    let (scratch, blob) = (scratch.path(), blob_path(&path, ABC));
    let (blob, folder) = (blob.to_str().unwrap(), path.join("blobs/sha256"));
    let of_blob = ["-f", "-P", blob, "-e", "inject=read:error=EIO"];
    let expected = format!("2 {}\n", place(ABC).display());
    assert_eq!(under_strace(&path, scratch, &of_blob), Some(expected));
    let of_all = ["-f", "-P", folder.to_str().unwrap(), "-e", "inject=openat:error=EMFILE"];
    assert_eq!(under_strace(&path, scratch, &of_all), None);
}

/// What a verification reads of each file, and what else it asks for, as strace
/// sees it.
#[test]
fn each_blob_is_read_once_and_nothing_is_written() {
    if !have_tools(&["gcc", "strace"]) {
        return;
    }
    let (scratch, path, layout) = layout::<crate::core::Core>();
    let large = put(&layout, &vec![7; 3_000_000], LAYER);
    for label in ["one", "two", "three"] {
        let layers = vec![(&large, None, None), (&large, None, None)];
        let labels: &[_] = &[("label", label)];
        let given = Image { platform: Some("linux/amd64"), labels, layers, ..Image::default() };
        let entry = layout.image(&given).unwrap();
        layout.append(&entry, Some(label), Append::default()).unwrap();
    }
    put(&layout, b"nothing points at this", OCTETS);
    fs::write(path.join("blobs/sha256/stray"), "").unwrap();
    // With a living writer it would look whether that is alive.
    drop(layout);

    let traces = scratch.path().join("traces");
    fs::create_dir(&traces).unwrap();
    let calls = "trace=file,read,write,flock,ftruncate,fallocate";
    // A file for each thread, so that no call stands within another.
    let options = ["-ff", "-y", "-e", calls, "-o", &format!("{}/of", traces.display())];
    let said = under_strace(&path, scratch.path(), &options);
    assert_eq!(said.unwrap(), "7 blobs/sha256/stray\n");

    let traces = fs::read_dir(traces).unwrap();
    let trace: String =
        traces.map(|trace| fs::read_to_string(trace.unwrap().path()).unwrap()).collect();
    let here: Vec<_> = trace.lines().filter(|line| line.contains(path.to_str().unwrap())).collect();
    for writes in ["O_WRONLY", "O_RDWR", "O_CREAT", "write(", "unlink", "rename", "flock("] {
        assert!(!here.iter().any(|line| line.contains(writes)), "{writes}: {trace}");
    }
    for blob in fs::read_dir(path.join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let name = format!("<{}>", path.display());
        let reads = here.iter().filter(|line| line.starts_with("read(") && line.contains(&name));
        let read: u64 = reads
            .map(|line| line.rsplit_once("= ").unwrap().1.trim().parse::<u64>().unwrap())
            .sum();
        assert_eq!(read, path.metadata().unwrap().len(), "{name}: {trace}");
    }
}
