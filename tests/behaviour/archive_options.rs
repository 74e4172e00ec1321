//! What the options of a directory change. What is in the tar, Python says.

use crate::api::{Api, Directory, Kind, Outcome, Owners};
use crate::archives::{assert_refused, member, put, seconds, set_time, told, tree};
use crate::both;
use crate::fixture::layout;
use crate::support::{have_tools, run};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

both!(
    later_times_become_the_latest,
    times_are_whole_seconds_and_may_be_old,
    owners_are_kept_mapped_or_root,
    a_map_of_owners_is_checked,
    holes_are_zeros_unless_asked_for,
    the_last_pattern_that_matches_decides,
    patterns_are_checked,
);

fn later_times_become_the_latest<A: Api>() {
    if !have_tools(&["python3"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    for (name, time) in [("old", 5), ("new", 2_000_000_000)] {
        let file = tree.path().join(name);
        fs::write(&file, "").unwrap();
        set_time(&file, seconds(time));
    }
    let directory = Directory { clamp: Some(1000), ..Directory::default() };
    let told = told(&path, &put(&layout, tree.path(), &directory).unwrap());
    let times: Vec<_> = told.iter().map(|member| member["mtime"].as_i64().unwrap()).collect();
    assert_eq!(times, [1000, 1000, 5]);
}

fn times_are_whole_seconds_and_may_be_old<A: Api>() {
    if !have_tools(&["python3"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    let epoch = SystemTime::UNIX_EPOCH;
    for (name, time) in [
        ("fraction", epoch + Duration::from_millis(1999)),
        ("before", epoch - Duration::from_millis(1500)),
        ("late", seconds(8_589_934_592)),
    ] {
        fs::write(tree.path().join(name), "").unwrap();
        set_time(&tree.path().join(name), time);
    }
    let told = told(&path, &put(&layout, tree.path(), &Directory::default()).unwrap());
    assert_eq!(member(&told, "fraction")["mtime"], 1);
    assert_eq!(member(&told, "before")["pax"]["mtime"], "-2");
    assert_eq!(member(&told, "late")["pax"]["mtime"], "8589934592");
}

fn owners_are_kept_mapped_or_root<A: Api>() {
    if !have_tools(&["python3"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    let file = tree.path().join("file");
    fs::write(&file, "").unwrap();
    let (uid, gid) = (fs::metadata(&file).unwrap().uid(), fs::metadata(&file).unwrap().gid());
    let owner = |owners| {
        let directory = Directory { owners, ..Directory::default() };
        let stored = put(&layout, tree.path(), &directory)?;
        let told = told(&path, &stored);
        let file = member(&told, "file");
        Outcome::Ok((file["uid"].as_u64().unwrap(), file["gid"].as_u64().unwrap()))
    };
    assert_eq!(owner(Owners::Kept).unwrap(), (uid.into(), gid.into()));
    assert_eq!(owner(Owners::Root).unwrap(), (0, 0));
    // Over 2097151 it has no room in the header.
    let users = [(u32::MAX, 0, 1), (uid, 3_000_000_000, 5)];
    let mapped = Owners::Mapped(&users, &[(gid, 7, 1)]);
    assert_eq!(owner(mapped).unwrap(), (3_000_000_000, 7));
    let unmapped = Owners::Mapped(&[(uid, 1, 1)], &[(gid + 1, 0, 9)]);
    let failure = owner(unmapped).unwrap_err();
    assert_eq!(failure.kind, Kind::Unsupported);
    let expected = format!("expected an owner that is mapped, found group {gid}");
    assert_eq!(failure.message, format!("{}/: {expected}", tree.path().display()));
}

fn a_map_of_owners_is_checked<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    for ranges in [
        &[(0, 0, 0)][..],
        &[(u32::MAX, 0, 2)],
        &[(0, u32::MAX, 2)],
        &[(0, 0, 10), (9, 100, 1)],
        &[(5, 0, 1), (0, 100, 6)],
    ] {
        for owners in [Owners::Mapped(ranges, &[]), Owners::Mapped(&[], ranges)] {
            let directory = Directory { owners, ..Directory::default() };
            let outcome = put(&layout, tree.path(), &directory);
            assert_refused::<A>(&path, outcome, Kind::Invalid, &["range: expected"]);
        }
    }
}

fn holes_are_zeros_unless_asked_for<A: Api>() {
    if !have_tools(&["python3", "cp"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let (sparse, full) = (tree(), tree());
    let size: u32 = 10_000_001;
    for (name, length) in [("empty", 1), ("file", size)] {
        sparse_file(&sparse.path().join(name), length.into());
    }
    File::create(sparse.path().join("hole")).unwrap().set_len(5_000_000).unwrap();
    run(Command::new("cp").args(["-a", "--sparse=never", "-T"]).args([sparse.path(), full.path()]));
    let as_zeros = put(&layout, sparse.path(), &Directory::default()).unwrap();
    let of_full = put(&layout, full.path(), &Directory::default()).unwrap();
    assert_eq!(as_zeros.descriptor.digest(), of_full.descriptor.digest());

    let directory = Directory { sparse: true, ..Directory::default() };
    let as_holes = put(&layout, sparse.path(), &directory).unwrap();
    assert!(as_holes.descriptor.size() < 100_000, "{}", as_holes.descriptor.size());
    let told = told(&path, &as_holes);
    for (name, size) in [("file", size), ("hole", 5_000_000)] {
        let file = member(&told, name);
        assert_eq!(file["size"], size, "as Python reads it");
        assert_eq!(file["pax"]["GNU.sparse.realsize"], size.to_string());
    }
    let of_full_again = put(&layout, full.path(), &directory).unwrap();
    assert_eq!(of_full_again.descriptor.digest(), of_full.descriptor.digest());
}

fn the_last_pattern_that_matches_decides<A: Api>() {
    if !have_tools(&["python3"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    for name in ["a.o", "usr/b.o", "usr/lib/c.o", "usr/lib/d.c", "tmp/e", "tmp/keep/f"] {
        let file = tree.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    fs::write(tree.path().join(std::ffi::OsStr::from_bytes(b"\xff.o")), "").unwrap();
    // What is in a directory that is left out is not looked at: this would fail.
    fs::write(tree.path().join("tmp/.wh.x"), "").unwrap();
    let left = |patterns: &[(&str, bool)]| {
        let directory = Directory { patterns, ..Directory::default() };
        let stored = put(&layout, tree.path(), &directory).unwrap();
        let told = told(&path, &stored);
        let files = told.iter().filter(|member| member["kind"] == "0");
        files.map(|file| file["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let out = |pattern| (pattern, false);
    let back = |pattern| (pattern, true);
    assert_eq!(left(&[out("tmp"), out("*.o")]), ["usr/b.o", "usr/lib/c.o", "usr/lib/d.c"]);
    assert_eq!(left(&[out("tmp"), out("**/*.o")]), ["usr/lib/d.c"]);
    let patterns = [out("tmp"), out("**/*.o"), back("usr/*.o")];
    assert_eq!(left(&patterns), ["usr/b.o", "usr/lib/d.c"]);
    let patterns = [back("usr/*.o"), out("tmp"), out("**/*.o")];
    assert_eq!(left(&patterns), ["usr/lib/d.c"]);
    // It stays out with the directory it is in.
    let patterns = [out("{tmp,usr}"), back("usr/**"), out("[a-b].?"), out("\u{0}")];
    assert_eq!(left(&patterns[..3]), ["ÿ.o"]);
    // Here it is a character like any other.
    assert_eq!(left(&[out("*"), back("!tmp")]), [""; 0]);
    assert_eq!(left(&[out("*"), back("tm?"), out("tmp/*"), back("tmp/e")]), ["tmp/e"]);
}

fn patterns_are_checked<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    let many = "{a}".repeat(11);
    for pattern in ["", "/usr", "usr/", "[", "{a", "a\\", "/", many.as_str()] {
        for includes in [false, true] {
            let directory = Directory { patterns: &[(pattern, includes)], ..Directory::default() };
            let outcome = put(&layout, tree.path(), &directory);
            let quoted = format!("found {pattern:?}");
            assert_refused::<A>(&path, outcome, Kind::Invalid, &["pattern: expected", &quoted]);
        }
    }
}

/// A file with data at its start, in the middle and nowhere else.
fn sparse_file(path: &Path, size: u64) {
    use std::os::unix::fs::FileExt;
    let file = File::create(path).unwrap();
    file.write_all_at(b"start", 0).unwrap();
    file.write_all_at(b"middle", size / 2).unwrap();
    file.set_len(size).unwrap();
}
