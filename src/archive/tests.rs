//! What only a reader of the archive can do: change the tree while it is read. And
//! what is too much to be stored.

use super::{DirectoryOptions, write_difference, write_directory};
use crate::words::error::{Error, Result};
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// Does something when the first bytes come.
struct Trigger<F: FnMut()>(Option<F>);

impl<F: FnMut()> Write for Trigger<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(mut act) = self.0.take() {
            act();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A tree whose first file does not fit into what is gathered, and more behind it.
fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("a"), vec![1; 3 << 20]).unwrap();
    fs::create_dir(tree.path().join("folder")).unwrap();
    fs::write(tree.path().join("folder/file"), "x").unwrap();
    fs::write(tree.path().join("z"), "z").unwrap();
    tree
}

fn write_while(tree: &Path, act: impl FnMut()) -> Result<()> {
    let options = DirectoryOptions::new();
    write_directory(tree, &options, &mut Trigger(Some(act)), &Cell::new(0))
}

#[test]
fn what_changes_while_it_is_read_is_an_error_that_names_it() {
    type Act = fn(&Path);
    let acts: [(&str, Act); 9] = [
        ("a", |tree| File::options().write(true).open(tree.join("a")).unwrap().set_len(9).unwrap()),
        ("a", |tree| {
            File::options().append(true).open(tree.join("a")).unwrap().write_all(b"x").unwrap();
        }),
        ("a", |tree| {
            let file = File::options().write(true).open(tree.join("a")).unwrap();
            rustix::io::pwrite(&file, b"x", 0).unwrap();
        }),
        ("z", |tree| fs::remove_file(tree.join("z")).unwrap()),
        ("z", |tree| {
            fs::remove_file(tree.join("z")).unwrap();
            symlink("/etc/passwd", tree.join("z")).unwrap();
        }),
        ("z", |tree| {
            fs::remove_file(tree.join("z")).unwrap();
            rustix::fs::mkfifoat(rustix::fs::CWD, tree.join("z"), 0o600.into()).unwrap();
        }),
        ("folder/", |tree| {
            fs::rename(tree.join("folder"), tree.join("moved")).unwrap();
            symlink("/", tree.join("folder")).unwrap();
        }),
        ("folder/", |tree| fs::remove_dir_all(tree.join("folder")).unwrap()),
        ("", |tree| fs::write(tree.join("new"), "").unwrap()),
    ];
    for (position, (name, act)) in acts.into_iter().enumerate() {
        let tree = tree();
        let error = write_while(tree.path(), || act(tree.path())).unwrap_err();
        assert!(matches!(error, Error::Conflict(_)), "act {position}: {error}");
        let named = format!("{}: expected", tree.path().join(name).display());
        assert!(error.to_string().starts_with(&named), "act {position}: {error}");
    }
    let tree = tree();
    write_while(tree.path(), || ()).unwrap();
}

#[test]
fn what_the_writer_says_is_what_failed() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(Error::Limit { what: "blob".to_owned(), limit: 1 }.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let options = DirectoryOptions::new();
    for tree in [tree(), tempfile::tempdir().unwrap()] {
        let error = write_directory(tree.path(), &options, &mut Full, &Cell::new(0)).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    }
}

#[test]
fn a_tree_of_any_depth_is_told_with_few_descriptors() {
    const DEPTH: u64 = 10_500;

    /// Sees how many files the process has open.
    struct Watching;
    impl Write for Watching {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let open = fs::read_dir("/proc/self/fd").unwrap().count();
            assert!(open < 500, "{open} files are open");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let scratch = tempfile::tempdir().unwrap();
    let tree = scratch.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let mut here = File::open(&tree).unwrap();
    for _ in 0..DEPTH {
        rustix::fs::mkdirat(&here, "d", 0o755.into()).unwrap();
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        here = rustix::fs::openat(&here, "d", flags, 0.into()).unwrap().into();
    }
    let options = DirectoryOptions::new();
    let told = |lower: Option<&Path>| {
        let entries = Cell::new(0);
        match lower {
            None => write_directory(&tree, &options, &mut Watching, &entries),
            Some(lower) => {
                write_difference(lower, &tree, &options, &mut Watching, &entries, &|| Ok(()))
            }
        }
        .unwrap();
        entries.get()
    };
    assert_eq!(told(None), DEPTH + 1);
    assert_eq!(told(Some(&tree)), 0);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(told(Some(empty.path())), DEPTH + 1);
    // Others remove such a tree by recursion.
    assert!(Command::new("rm").arg("-rf").arg(tree).status().unwrap().success());
}

/// POSIX, pax: a number that has no room in the header stands in a record.
#[test]
fn a_file_of_more_than_8_gib_has_its_size_in_a_record() {
    /// Keeps the first bytes, and wants no others.
    struct Start(Vec<u8>);
    impl Write for Start {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            bytes.take(4096).read_to_end(&mut self.0)?;
            Err(Error::State("that is enough".to_owned()).into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let tree = tempfile::tempdir().unwrap();
    for (size, header, record) in [
        (8_589_934_591, &b"77777777777\0"[..], None),
        (8_589_934_592, b"00000000000\0", Some("19 size=8589934592\n")),
    ] {
        File::create(tree.path().join("file")).unwrap().set_len(size).unwrap();
        let mut out = Start(Vec::new());
        let options = DirectoryOptions::new();
        let error = write_directory(tree.path(), &options, &mut out, &Cell::new(0)).unwrap_err();
        assert_eq!(error.to_string(), "that is enough");
        let blocks: Vec<&[u8]> = out.0.chunks(512).collect();
        let at = if record.is_some() { 3 } else { 1 };
        assert_eq!(&blocks[at][..5], b"file\0");
        assert_eq!(&blocks[at][124..136], header);
        if let Some(record) = record {
            assert_eq!(blocks[1][156], b'x');
            assert_eq!(blocks[2], [record.as_bytes(), &vec![0; 512 - record.len()]].concat());
        }
    }
}
