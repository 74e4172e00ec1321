//! Directories that become layers. What is in the tar, Python says.

use crate::api::{Api, Directory, Failure, Kind, Options, Outcome, Owners, Stored};
use crate::both;
use crate::fixture::{LAYER, assert_clean, blob_path, layout, make_fifo, sha256};
use crate::support::{have_tools, run};
use serde_json::Value;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

both!(
    every_kind_of_file_is_told,
    the_same_tree_gives_the_same_bytes,
    paths_are_sorted_by_their_bytes,
    names_of_all_kinds,
    other_names_of_a_file_are_links,
    what_a_layer_cannot_tell_is_refused,
    what_is_no_directory_is_refused,
    a_directory_is_a_blob_like_others,
    a_read_only_layout_takes_none,
);

/// A folder to make a tree in, with a time that is past.
pub fn tree() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub fn seconds(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub fn set_time(path: &Path, time: SystemTime) {
    File::open(path).unwrap().set_modified(time).unwrap();
}

pub fn put<A: Api>(layout: &A, tree: &Path, directory: &Directory<'_>) -> Outcome<Stored> {
    layout.put_directory(tree, directory, &Options::default())
}

/// What Python finds in a tar: the members, each with its own records. Names are
/// as bytes would be in Latin-1, so that there is one for every name.
pub fn members(tar: &Path) -> Vec<Value> {
    let script = r#"
import json, sys, tarfile
with tarfile.open(sys.argv[1], encoding="latin-1") as tar:
    print(json.dumps([dict(
        name=m.name, kind=m.type.decode(), mode=m.mode, uid=m.uid, gid=m.gid, size=m.size,
        mtime=m.mtime, link=m.linkname, user=m.uname, group=m.gname, pax=m.pax_headers,
        device=[m.devmajor, m.devminor], content=tar.extractfile(m).read(100).decode("latin-1")
        if m.isreg() and not m.issparse() else None) for m in tar]))
"#;
    let listed = run(Command::new("python3").args(["-c", script]).arg(tar));
    serde_json::from_str::<Value>(&listed).unwrap().as_array().unwrap().clone()
}

pub fn names(members: &[Value]) -> Vec<&str> {
    members.iter().map(|member| member["name"].as_str().unwrap()).collect()
}

pub fn member<'a>(members: &'a [Value], name: &str) -> &'a Value {
    let found = members.iter().find(|member| member["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} among {:?}", names(members)))
}

/// The members of a stored layer.
pub fn told(layout: &Path, stored: &Stored) -> Vec<Value> {
    members(&blob_path(layout, stored.descriptor.digest().as_str()))
}

pub fn assert_refused<A: Api>(path: &Path, outcome: Outcome<Stored>, kind: Kind, words: &[&str]) {
    let Failure { kind: found, message, .. } = outcome.unwrap_err();
    assert_eq!(found, kind, "{message}");
    for word in words {
        assert!(message.contains(word), "expected {word:?} in: {message}");
    }
    assert_clean(path);
    assert_eq!(fs::read_dir(path.join("blobs/sha256")).unwrap().count(), 0, "{message}");
}

fn every_kind_of_file_is_told<A: Api>() {
    if !have_tools(&["python3", "mkfifo"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    let at = |name: &str| tree.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("folder/file"), "content").unwrap();
    symlink("folder/file", at("link")).unwrap();
    make_fifo(&at("pipe"));
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    for (name, mode) in [("folder", 0o1755), ("folder/file", 0o4751), ("", 0o2700)] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        set_time(&at(name), seconds(1_000_000_000));
    }
    let stored = put(&layout, tree.path(), &Directory::default()).unwrap();
    assert_eq!(stored.descriptor.media_type().as_str(), LAYER);
    assert_eq!(stored.diff_id.as_deref(), Some(stored.descriptor.digest().as_str()));

    let told = told(&path, &stored);
    assert_eq!(names(&told), [".", "folder", "folder/file", "link", "pipe"]);
    let kinds: Vec<_> = told.iter().map(|member| member["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["5", "5", "0", "2", "6"]);
    let modes: Vec<_> = told.iter().map(|member| member["mode"].as_u64().unwrap()).collect();
    assert_eq!(modes[..4], [0o2700, 0o1755, 0o4751, 0o777]);
    assert_eq!(told[2]["content"], "content");
    assert_eq!(told[3]["link"], "folder/file");
    let owner = fs::metadata(at("folder/file")).unwrap();
    for member in &told {
        assert_eq!(member["uid"], owner.uid());
        assert_eq!((&member["user"], &member["group"]), (&"".into(), &"".into()));
        assert_eq!(member["pax"], serde_json::json!({}), "nothing needs a record");
    }
    assert_eq!(told[2]["mtime"], 1_000_000_000);
}

fn the_same_tree_gives_the_same_bytes<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let names: Vec<String> = (0..300).map(|n| format!("name {n}")).collect();
    let make = |names: &mut dyn Iterator<Item = &String>, umask: &str| {
        let tree = tree();
        let script = "umask $0; cd $1; shift; for name; do mkdir \"$name\"; echo $name > \"$name/x\"; \
                      chmod 750 \"$name\"; chmod 640 \"$name/x\"; done; chmod 700 .; \
                      find . -exec touch -d @1000 {} +";
        run(Command::new("sh").args(["-c", script, umask]).arg(tree.path()).args(names));
        tree
    };
    let (one, other) = (make(&mut names.iter(), "022"), make(&mut names.iter().rev(), "077"));
    let one = put(&layout, one.path(), &Directory::default()).unwrap();
    let other = put(&layout, other.path(), &Directory::default()).unwrap();
    assert_eq!(one.descriptor.digest(), other.descriptor.digest());
}

fn paths_are_sorted_by_their_bytes<A: Api>() {
    if !have_tools(&["tar", "sort"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    for name in ["a/x", "a/y/z", "a-b/x", "a0/x", "b", "B", "a.c", "é/x", "~"] {
        let file = tree.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, name).unwrap();
    }
    let stored = put(&layout, tree.path(), &Directory::default()).unwrap();
    let tar = blob_path(&path, stored.descriptor.digest().as_str());
    let list =
        run(Command::new("tar").args(["--list", "--quoting-style=literal", "--file"]).arg(tar));
    let (root, below) = list.split_once('\n').unwrap();
    assert_eq!(root, "./");
    fs::write(tree.path().join("list"), below).unwrap();
    // With -u, what stands there twice is not in order either.
    run(Command::new("sort").env("LC_ALL", "C").args(["-c", "-u"]).arg(tree.path().join("list")));
    assert_eq!(below.lines().count(), 14);
}

fn names_of_all_kinds<A: Api>() {
    if !have_tools(&["python3"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    let long = "l".repeat(255);
    let deep = vec!["d".repeat(200); 25].join("/");
    let names: Vec<Vec<u8>> = vec![
        "é".into(),
        b"\xff\xfe".to_vec(),
        [&[0xe9; 150][..], b"x"].concat(),
        long.clone().into_bytes(),
        "n".repeat(100).into_bytes(),
        "n".repeat(101).into_bytes(),
        b"new\nline \\ \"quoted\" = 1".to_vec(),
    ];
    // Longer than a path that the kernel takes.
    let mut folder = tree.path().to_owned();
    folder.push("d".repeat(200));
    fs::create_dir(&folder).unwrap();
    let mut here = File::open(&folder).unwrap();
    for name in deep.split('/').skip(1) {
        rustix::fs::mkdirat(&here, name, 0o755.into()).unwrap();
        let flags = rustix::fs::OFlags::RDONLY;
        here = rustix::fs::openat(&here, name, flags, 0.into()).unwrap().into();
    }
    for name in &names {
        fs::write(tree.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
    }
    let targets = ["t".repeat(100), "t".repeat(101), "t".repeat(3000), "zië".into()];
    for (position, target) in targets.iter().enumerate() {
        symlink(target, tree.path().join(format!("to{position}"))).unwrap();
    }
    let stored = put(&layout, tree.path(), &Directory::default()).unwrap();
    let told = told(&path, &stored);
    let as_latin_1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    // Records are UTF-8, whatever Python takes headers for; where one is none, it
    // gives its bytes.
    for name in names.iter().skip(3) {
        member(&told, str::from_utf8(name).unwrap());
    }
    let surrogates = |bytes: &[u8]| {
        let told: Vec<&str> = self::names(&told);
        told.contains(&as_latin_1(bytes).as_str())
    };
    member(&told, "é");
    assert!(surrogates(&names[1]) && surrogates(&names[2]), "{:?}", self::names(&told));
    member(&told, &deep);
    for (position, target) in targets.iter().enumerate() {
        assert_eq!(member(&told, &format!("to{position}"))["link"], target.as_str());
    }
    for (name, records) in [("n".repeat(100), 0), ("n".repeat(101), 1), (long, 1)] {
        assert_eq!(member(&told, &name)["pax"].as_object().unwrap().len(), records, "{name}");
    }
}

fn other_names_of_a_file_are_links<A: Api>() {
    if !have_tools(&["python3"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    let at = |name: &str| tree.path().join(name);
    fs::write(at("b"), "linked").unwrap();
    fs::create_dir(at("c")).unwrap();
    symlink("x", at("link")).unwrap();
    for (from, to) in [("b", "a"), ("b", "c/d"), ("link", "other")] {
        fs::hard_link(at(from), at(to)).unwrap();
    }
    // The other name of this one is not in the tree.
    fs::write(path.join("outside"), "outside").unwrap();
    fs::hard_link(path.join("outside"), at("outside")).unwrap();
    let stored = put(&layout, tree.path(), &Directory::default()).unwrap();
    fs::remove_file(path.join("outside")).unwrap();
    let told = told(&path, &stored);
    let links: Vec<_> = told
        .iter()
        .map(|member| ["name", "kind", "link"].map(|key| member[key].as_str().unwrap()))
        .collect();
    let expected = [
        [".", "5", ""],
        ["a", "0", ""],
        ["b", "1", "a"],
        ["c", "5", ""],
        ["c/d", "1", "a"],
        ["link", "2", "x"],
        ["other", "1", "link"],
        ["outside", "0", ""],
    ];
    assert_eq!(links, expected);
}

fn what_a_layer_cannot_tell_is_refused<A: Api>() {
    if !have_tools(&["setfattr", "setfacl"]) {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    for name in [".wh.x", ".wh.", ".wh..wh..opq"] {
        let tree = tree();
        let file = tree.path().join("folder").join(name);
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        let outcome = put(&layout, tree.path(), &Directory::default());
        let named = format!("{}: ", file.display());
        assert_refused::<A>(&path, outcome, Kind::Unsupported, &[&named, ".wh."]);
    }
    let on_disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = on_disk.path().join("file");
    fs::write(&file, "").unwrap();
    run(Command::new("setfattr").args(["-n", "user.a=b", "-v", "x"]).arg(&file));
    let outcome = put(&layout, on_disk.path(), &Directory::default());
    assert_refused::<A>(&path, outcome, Kind::Unsupported, &[file.to_str().unwrap(), "user.a=b"]);

    run(Command::new("setfattr").args(["-x", "user.a=b"]).arg(&file));
    run(Command::new("setfacl").args(["-m", "u:1234:r"]).arg(&file));
    let directory = Directory { owners: Owners::Root, ..Directory::default() };
    let outcome = put(&layout, on_disk.path(), &directory);
    assert_refused::<A>(
        &path,
        outcome,
        Kind::Unsupported,
        &[file.to_str().unwrap(), "access list"],
    );
    put(&layout, on_disk.path(), &Directory::default()).unwrap();
}

fn what_is_no_directory_is_refused<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    let file = tree.path().join("file");
    fs::write(&file, "").unwrap();
    let missing = tree.path().join("missing");
    let name = |path: &PathBuf| path.display().to_string();
    let outcome = put(&layout, &missing, &Directory::default());
    assert_refused::<A>(&path, outcome, Kind::NotFound, &[&name(&missing)]);
    let outcome = put(&layout, &file, &Directory::default());
    assert_refused::<A>(&path, outcome, Kind::Io, &[&name(&file), "Not a directory"]);
    let link = tree.path().join("link");
    symlink(tree.path(), &link).unwrap();
    put(&layout, &link, &Directory::default()).unwrap();
}

fn a_directory_is_a_blob_like_others<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let tree = tree();
    fs::write(tree.path().join("file"), "content").unwrap();
    let directory = Directory::default();
    let plain = put(&layout, tree.path(), &directory).unwrap();
    let put = |options: &Options| layout.put_directory(tree.path(), &directory, options);
    let gzip = Options { gzip: Some(6), ..Options::default() };
    let packed = put(&gzip).unwrap();
    assert_eq!(packed.diff_id.as_deref(), Some(plain.descriptor.digest().as_str()));
    let media_type = packed.descriptor.media_type().as_str();
    assert_eq!(media_type, "application/vnd.oci.image.layer.v1.tar+gzip");

    let size = plain.descriptor.size();
    let digest = plain.descriptor.digest().to_string();
    layout.remove_blob(&digest).unwrap();
    layout.remove_blob(packed.descriptor.digest().as_str()).unwrap();
    let limited = put(&Options { limit: Some(size - 1), ..Options::default() });
    assert_refused::<A>(&path, limited, Kind::Limit, &[]);
    let other = sha256(b"other");
    let unexpected = put(&Options { digest: Some(other), ..Options::default() });
    assert_refused::<A>(&path, unexpected, Kind::Digest, &[&digest]);
    let known = Options { digest: Some(digest), size: Some(size), ..Options::default() };
    let found = put(&known).unwrap();
    fs::remove_dir_all(tree.path()).unwrap();
    let found_again = put(&known).unwrap();
    assert_eq!(found.descriptor.json(), found_again.descriptor.json());
}

fn a_read_only_layout_takes_none<A: Api>() {
    let (_scratch, path, _layout) = layout::<A>();
    let tree = tree();
    let flags = crate::api::Flags { read_only: true, ..crate::api::OPEN };
    let reader = A::open(&path, flags).unwrap();
    let outcome = put(&reader, tree.path(), &Directory::default());
    assert_refused::<A>(&path, outcome, Kind::State, &["read-only"]);
    let none = Options::default();
    let outcome = reader.put_difference(tree.path(), tree.path(), &Directory::default(), &none);
    assert_refused::<A>(&path, outcome, Kind::State, &["read-only"]);
}
