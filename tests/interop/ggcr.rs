//! go-containerregistry validates what this library writes, and the other way
//! round.

use super::tools::*;
use crate::support::{build_go, have_tools, run};
use ocilayout::{Append, Descriptor, IndexBuilder, Layout, Matcher, OpenOptions, Platform};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The program that stands for it, built once.
pub fn ggcr() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    Command::new(PROGRAM.get_or_init(|| build_go("ggcr")))
}

/// Has it validate a layout down to the content of each layer, and asks that it
/// finds what we find.
fn check(layout: &Layout) {
    let found = run(ggcr().arg("validate").arg(layout.path()));
    let ours = below(layout, &layout.list(&Matcher::any()).unwrap());
    assert_eq!(found.lines().collect::<Vec<_>>(), ours);
    assert_sound(layout);
}

/// A layout that it wrote.
fn written(scratch: &TempDir, kind: &str) -> Layout {
    let path = scratch.path().join(kind);
    run(ggcr().args(["write", kind]).arg(&path));
    Layout::open(path).unwrap()
}

/// Adds an image and a nested index, the image in two steps.
fn grow(layout: &Layout, scratch: &TempDir) {
    let before = layout.list(&Matcher::any()).unwrap();
    let one = image(layout, "linux/amd64", &tar(scratch.path(), "one", &[("one", "1")]));
    let two = image(layout, "linux/arm/v7", &tar(scratch.path(), "two", &[("two", "2")]));
    let mut inner = IndexBuilder::new(layout);
    inner.manifest(&two).unwrap().annotation("example.inner", Some("yes")).unwrap();
    let inner = inner.finish().unwrap();
    let mut outer = IndexBuilder::new(layout);
    outer.manifest(&one).unwrap().manifest(&inner).unwrap();
    let outer = outer.finish().unwrap();

    layout.append(&named(two, "ours"), Append::default()).unwrap();
    check(layout);
    layout.append(&named(outer, "our-index"), Append::default()).unwrap();
    check(layout);
    let replaced =
        layout.replace(&Matcher::reference("ours"), &named(one, "ours"), Append::default());
    assert_eq!(replaced.unwrap(), 1);
    check(layout);

    let after = layout.list(&Matcher::any()).unwrap();
    let texts = |entries: &[Descriptor]| -> Vec<String> {
        entries.iter().map(|entry| entry.json().to_owned()).collect()
    };
    assert_eq!(texts(&after[..before.len()]), texts(&before));
    assert_eq!(after.len(), before.len() + 2);
}

/// Takes all of it away, after which there is still a valid layout.
fn empty(layout: &Layout) {
    let entries = layout.list(&Matcher::any()).unwrap().len();
    assert_eq!(layout.remove(&Matcher::any()).unwrap(), entries);
    check(layout);
}

#[test]
fn it_validates_our_layout_at_every_step() {
    if !have_tools(&["go", "tar"]) {
        return;
    }
    let scratch = scratch();
    let layout = new_layout(&scratch.path().join("ours"));
    check(&layout);
    grow(&layout, &scratch);
    empty(&layout);
}

#[test]
fn we_go_on_with_its_layouts() {
    if !have_tools(&["go", "tar"]) {
        return;
    }
    let scratch = scratch();
    // The entries of index.json, and the digests that stand below them.
    for (kind, entries, digests) in [("empty", 0, 0), ("index", 3, 12), ("appended", 2, 11)] {
        let layout = written(&scratch, kind);
        let list = layout.list(&Matcher::any()).unwrap();
        assert_eq!((list.len(), below(&layout, &list).len()), (entries, digests), "{kind}");
        check(&layout);
        grow(&layout, &scratch);
        empty(&layout);
    }
}

/// It leaves `"manifests": null` behind where the last entry is removed.
#[test]
fn we_go_on_with_a_layout_that_it_emptied() {
    if !have_tools(&["go", "tar"]) {
        return;
    }
    let scratch = scratch();
    let layout = written(&scratch, "emptied");
    assert!(layout.list(&Matcher::any()).unwrap().is_empty());
    grow(&layout, &scratch);
    empty(&layout);
}

#[test]
fn we_read_what_it_says_of_an_image() {
    if !have_tools(&["go"]) {
        return;
    }
    let scratch = scratch();
    let layout = written(&scratch, "appended");
    let platform: Platform = "linux/arm64".parse().unwrap();
    let image = layout.resolve("image", Some(&platform)).unwrap();
    assert_eq!(image.platform().unwrap().as_ref(), Some(&platform));
    assert_eq!(image.annotation("example.kept"), Some("yes"));
    assert!(image.urls().eq(["https://example.com/image"]));

    for child in layout.children(&image).unwrap() {
        let content = layout.read_blob(&child, 1 << 20).unwrap();
        assert_eq!(content.len() as u64, child.size());
    }
    let index = layout.resolve("index", None).unwrap();
    assert_eq!(layout.children(&index).unwrap().len(), 2);
}

/// A layout is written anew from what it wrote, and is the same to it.
#[test]
fn we_copy_its_trees() {
    if !have_tools(&["go"]) {
        return;
    }
    let scratch = scratch();
    let theirs = written(&scratch, "appended");
    let index = theirs.read_file("index.json").unwrap();
    let path = scratch.path().join("copied");
    let ours = OpenOptions::new().create_with_index(&path, &index, Some(&theirs)).unwrap();
    assert_eq!(ours.read_file("index.json").unwrap(), index);
    assert_eq!(blobs(&path), blobs(theirs.path()));
    check(&ours);
}
