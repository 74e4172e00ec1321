//! The difference of two directories as a layer: image-spec, layer.md.

use crate::api::{Api, Directory, Kind, Options, Stored};
use crate::archives::{member, names, seconds, told, tree};
use crate::both;
use crate::fixture::{assert_clean, layout, make_fifo};
use crate::support::{have_tools, run};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

both!(
    equal_directories_have_no_difference,
    what_is_gone_has_a_whiteout_before_its_siblings,
    content_is_compared_and_not_times,
    metadata_alone_is_a_change,
    kinds_may_change,
    one_new_name_of_a_file_tells_all_of_them,
    links_that_stand_are_not_told,
    links_that_were_parted_or_joined_are_told,
    links_to_the_outside_change_nothing,
    what_is_left_out_is_absent_on_both_sides,
    both_directories_have_to_be_there,
    a_tree_against_itself,
);

/// Two equal trees, of which the second is changed.
struct Pair(TempDir);

impl Pair {
    fn new() -> Option<Self> {
        if !have_tools(&["python3", "cp"]) {
            return None;
        }
        let pair = Self(tree());
        for name in ["etc/config", "etc/sub/deep", "usr/bin/tool", "top"] {
            let file = pair.lower(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, name).unwrap();
        }
        Some(pair)
    }

    fn lower(&self, name: &str) -> PathBuf {
        self.0.path().join("lower").join(name)
    }

    fn upper(&self, name: &str) -> PathBuf {
        self.0.path().join("upper").join(name)
    }

    /// Makes the second tree anew, once the first is as it should be.
    fn copy(&self) {
        run(Command::new("rm").arg("-rf").arg(self.upper("")));
        run(Command::new("cp").args(["-a", "-T"]).args([self.lower(""), self.upper("")]));
    }

    /// Gives a path of the second tree the times that it had in the first.
    fn keep_time(&self, name: &str) {
        run(Command::new("touch").arg("-r").args([self.lower(name), self.upper(name)]));
    }

    fn stored<A: Api>(&self, layout: &A, directory: &Directory<'_>) -> Stored {
        let none = Options::default();
        layout.put_difference(&self.lower(""), &self.upper(""), directory, &none).unwrap()
    }

    /// The names in the difference.
    fn difference<A: Api>(&self, path: &Path, layout: &A) -> Vec<String> {
        let told = told(path, &self.stored(layout, &Directory::default()));
        names(&told).into_iter().map(str::to_owned).collect()
    }
}

fn equal_directories_have_no_difference<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    pair.copy();
    let stored = pair.stored(&layout, &Directory::default());
    assert_eq!(stored.descriptor.size(), 1024, "the end of an archive");
    assert_eq!(told(&path, &stored), Vec::<serde_json::Value>::new());
}

fn what_is_gone_has_a_whiteout_before_its_siblings<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    pair.copy();
    fs::remove_dir_all(pair.upper("etc/sub")).unwrap();
    fs::remove_file(pair.upper("etc/config")).unwrap();
    fs::write(pair.upper("etc/! first"), "").unwrap();
    fs::remove_file(pair.upper("top")).unwrap();
    let found = pair.difference(&path, &layout);
    assert_eq!(found, [".", ".wh.top", "etc", "etc/.wh.config", "etc/.wh.sub", "etc/! first"]);
    let told = told(&path, &pair.stored(&layout, &Directory::default()));
    let whiteout = member(&told, ".wh.top");
    assert_eq!((&whiteout["kind"], &whiteout["size"]), (&"0".into(), &0.into()));
}

fn content_is_compared_and_not_times<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    pair.copy();
    // Of the same size, at the same time.
    fs::write(pair.upper("usr/bin/tool"), "usr/bin/TOOL").unwrap();
    pair.keep_time("usr/bin/tool");
    assert_eq!(pair.difference(&path, &layout), [".", "usr", "usr/bin", "usr/bin/tool"]);
    let told = told(&path, &pair.stored(&layout, &Directory::default()));
    assert_eq!(member(&told, "usr/bin/tool")["content"], "usr/bin/TOOL");
}

fn metadata_alone_is_a_change<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    pair.copy();
    let file = |name: &str| fs::File::open(pair.upper(name)).unwrap();
    fs::set_permissions(pair.upper("top"), fs::Permissions::from_mode(0o4755)).unwrap();
    assert_eq!(pair.difference(&path, &layout), [".", "top"]);
    pair.copy();
    fs::set_permissions(pair.upper("etc/sub"), fs::Permissions::from_mode(0o711)).unwrap();
    assert_eq!(pair.difference(&path, &layout), [".", "etc", "etc/sub"]);
    pair.copy();
    file("usr/bin/tool").set_modified(seconds(1000)).unwrap();
    assert_eq!(pair.difference(&path, &layout), [".", "usr", "usr/bin", "usr/bin/tool"]);
    // A time that a layer does not tell.
    for (name, nanos) in [("lower", 1), ("upper", 999_999_999)] {
        let file = fs::File::open(pair.0.path().join(name).join("usr/bin/tool")).unwrap();
        file.set_modified(seconds(1000) + std::time::Duration::from_nanos(nanos)).unwrap();
    }
    assert_eq!(pair.difference(&path, &layout), Vec::<String>::new());
    file("usr/bin/tool").set_modified(seconds(2000)).unwrap();
    let clamped = Directory { clamp: Some(500), ..Directory::default() };
    assert_eq!(pair.stored(&layout, &clamped).descriptor.size(), 1024);
}

fn kinds_may_change<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    symlink("x", pair.lower("link")).unwrap();
    pair.copy();
    fs::remove_dir_all(pair.upper("etc")).unwrap();
    fs::write(pair.upper("etc"), "a file").unwrap();
    fs::remove_file(pair.upper("top")).unwrap();
    fs::create_dir_all(pair.upper("top/deeper")).unwrap();
    fs::remove_file(pair.upper("usr/bin/tool")).unwrap();
    make_fifo(&pair.upper("usr/bin/tool"));
    fs::remove_file(pair.upper("link")).unwrap();
    symlink("y", pair.upper("link")).unwrap();
    let told = told(&path, &pair.stored(&layout, &Directory::default()));
    let kinds: Vec<_> = told
        .iter()
        .map(|member| (member["name"].as_str().unwrap(), member["kind"].as_str().unwrap()))
        .collect();
    let expected = [
        (".", "5"),
        ("etc", "0"),
        ("link", "2"),
        ("top", "5"),
        ("top/deeper", "5"),
        ("usr", "5"),
        ("usr/bin", "5"),
        ("usr/bin/tool", "6"),
    ];
    assert_eq!(kinds, expected);
}

fn one_new_name_of_a_file_tells_all_of_them<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    fs::hard_link(pair.lower("top"), pair.lower("etc/top")).unwrap();
    pair.copy();
    fs::hard_link(pair.upper("top"), pair.upper("usr/new")).unwrap();
    let told = told(&path, &pair.stored(&layout, &Directory::default()));
    assert_eq!(names(&told), [".", "etc", "etc/top", "top", "usr", "usr/new"]);
    let linked = |name| &member(&told, name)["link"];
    assert_eq!((linked("top"), linked("usr/new")), (&"etc/top".into(), &"etc/top".into()));
    assert_eq!(member(&told, "etc/top")["content"], "top");
}

fn links_that_stand_are_not_told<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    for name in ["a", "etc/b", "usr/c"] {
        fs::hard_link(pair.lower("top"), pair.lower(name)).unwrap();
    }
    pair.copy();
    assert_eq!(pair.difference(&path, &layout), Vec::<String>::new());
    // One of the names is gone, and the others are as they were.
    fs::remove_file(pair.upper("a")).unwrap();
    assert_eq!(pair.difference(&path, &layout), [".", ".wh.a"]);
    // With another content all are told.
    fs::write(pair.upper("etc/b"), "new").unwrap();
    let expected = [".", ".wh.a", "etc", "etc/b", "top", "usr", "usr/c"];
    assert_eq!(pair.difference(&path, &layout), expected);
}

fn links_that_were_parted_or_joined_are_told<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    for (from, to) in [("top", "a"), ("etc/config", "b")] {
        fs::hard_link(pair.lower(from), pair.lower(to)).unwrap();
    }
    fs::write(pair.lower("same 1"), "same").unwrap();
    fs::write(pair.lower("same 2"), "same").unwrap();
    run(Command::new("touch").arg("-r").args([pair.lower("same 1"), pair.lower("same 2")]));
    pair.copy();
    // Parted, with everything else the same.
    fs::remove_file(pair.upper("a")).unwrap();
    run(Command::new("cp").args(["-a"]).args([pair.lower("top"), pair.upper("a")]));
    // Joined.
    fs::remove_file(pair.upper("same 2")).unwrap();
    fs::hard_link(pair.upper("same 1"), pair.upper("same 2")).unwrap();
    let told = told(&path, &pair.stored(&layout, &Directory::default()));
    assert_eq!(names(&told), [".", "a", "same 1", "same 2", "top"]);
    assert_eq!(member(&told, "same 2")["link"], "same 1");
    assert_eq!(
        (&member(&told, "a")["kind"], &member(&told, "top")["kind"]),
        (&"0".into(), &"0".into())
    );
}

/// As where trees are taken out of a store of files by hard links.
fn links_to_the_outside_change_nothing<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    pair.copy();
    let store = pair.0.path().join("store");
    run(Command::new("cp").args(["-al", "-T"]).args([pair.lower(""), store.clone()]));
    assert_eq!(pair.difference(&path, &layout), Vec::<String>::new());
    fs::remove_dir_all(pair.upper("")).unwrap();
    run(Command::new("cp").args(["-al", "-T"]).args([store, pair.upper("")]));
    assert_eq!(pair.difference(&path, &layout), Vec::<String>::new());
}

fn what_is_left_out_is_absent_on_both_sides<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    pair.copy();
    fs::remove_file(pair.upper("etc/config")).unwrap();
    fs::remove_file(pair.upper("top")).unwrap();
    fs::write(pair.upper("usr/new"), "").unwrap();
    for name in ["", "etc", "usr"] {
        pair.keep_time(name);
    }
    let patterns = [("etc", false), ("usr/n*", false)];
    let directory = Directory { patterns: &patterns, ..Directory::default() };
    let told = told(&path, &pair.stored(&layout, &directory));
    assert_eq!(names(&told), [".", ".wh.top"]);
}

fn both_directories_have_to_be_there<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, path, layout) = layout::<A>();
    let put = |lower: &Path, upper: &Path| {
        layout.put_difference(lower, upper, &Directory::default(), &Options::default())
    };
    let (there, missing) = (pair.lower(""), pair.upper(""));
    for failure in [put(&there, &missing).unwrap_err(), put(&missing, &there).unwrap_err()] {
        assert_eq!(failure.kind, Kind::NotFound);
        assert!(failure.message.contains(missing.to_str().unwrap()), "{}", failure.message);
    }
    pair.copy();
    fs::write(pair.lower("etc/.wh.x"), "").unwrap();
    let failure = put(&pair.lower(""), &pair.upper("")).unwrap_err();
    assert_eq!(failure.kind, Kind::Unsupported);
    assert!(failure.message.starts_with(pair.lower("etc/.wh.x: ").to_str().unwrap()));
    assert_clean(&path);
}

fn a_tree_against_itself<A: Api>() {
    let Some(pair) = Pair::new() else { return };
    let (_scratch, _path, layout) = layout::<A>();
    let lower = pair.lower("");
    let put = layout.put_difference(&lower, &lower, &Directory::default(), &Options::default());
    assert_eq!(put.unwrap().descriptor.size(), 1024);
}
