//! Opening, and the files beside `blobs`.

use crate::api::{Api, Append, CREATE, Flags, Kind, OPEN};
use crate::both;
use crate::fixture::{INDEX, OCTETS};
use crate::fixture::{assert_clean, image, index_json, layout, names, put, snapshot};

both!(
    a_new_layout_is_valid,
    opening_what_is_not_a_layout_changes_nothing,
    unfinished_layouts_are_finished,
    files_are_read_and_written,
    bad_files_are_refused,
    unknown_files_are_left_alone,
    blobs_is_made_where_another_tool_left_it_out,
    a_read_only_handle_writes_nothing,
    a_layout_that_is_moved_stays_open,
);

fn a_new_layout_is_valid<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    assert!(path.join("blobs").is_dir());
    let version: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path.join("oci-layout")).unwrap()).unwrap();
    assert_eq!(version, serde_json::json!({"imageLayoutVersion": "1.0.0"}));
    let index: serde_json::Value = serde_json::from_str(&index_json(&path)).unwrap();
    let expected = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    assert_eq!(index, expected);
    assert!(layout.list(None).unwrap().is_empty());
    assert_clean(&path);
}

fn opening_what_is_not_a_layout_changes_nothing<A: Api>() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("layout");
    let failure = A::open(&path, OPEN).err().unwrap();
    assert_eq!(failure.kind, Kind::NotFound);
    assert!(failure.message.contains(path.to_str().unwrap()), "{}", failure.message);
    assert!(!path.exists());
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("file"), "x").unwrap();
    let before = snapshot(&path);
    assert_eq!(A::open(&path, OPEN).err().unwrap().kind, Kind::Format);
    assert_eq!(snapshot(&path), before);
    let failure = A::open(&path.join("file"), CREATE).err().unwrap();
    assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::ENOTDIR));
    let failure = A::open(&path.join("file/under/it"), CREATE).err().unwrap();
    assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::ENOTDIR));
    let both = Flags { read_only: true, ..CREATE };
    assert_eq!(A::open(&path.join("new"), both).err().unwrap().kind, Kind::Invalid);
    assert_eq!(snapshot(&path), before);
    // What is there already does not keep a layout from being made.
    A::open(&path, CREATE).unwrap();
    assert_eq!(std::fs::read(path.join("file")).unwrap(), b"x");
}

fn unfinished_layouts_are_finished<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    // Killed before the marker was there.
    std::fs::remove_file(path.join("oci-layout")).unwrap();
    assert_eq!(A::open(&path, OPEN).err().unwrap().kind, Kind::Format);
    A::open(&path, CREATE).unwrap();
    assert_eq!(names(&path), ["x"], "what index.json says stays");
    // An index that is not one is never taken for nothing.
    std::fs::remove_file(path.join("oci-layout")).unwrap();
    std::fs::write(path.join("index.json"), "").unwrap();
    assert_eq!(A::open(&path, CREATE).err().unwrap().kind, Kind::Format);
    assert!(!path.join("oci-layout").exists());
}

fn files_are_read_and_written<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.write_file("notes.txt", b"\0any bytes\xff").unwrap();
    assert_eq!(std::fs::read(path.join("notes.txt")).unwrap(), b"\0any bytes\xff");
    assert_eq!(layout.read_file("notes.txt").unwrap(), b"\0any bytes\xff");
    layout.write_file("notes.txt", b"").unwrap();
    assert_eq!(layout.read_file("notes.txt").unwrap(), b"");
    let marker = br#"{ "imageLayoutVersion":"1.0.0", "x": 1 }"#;
    layout.write_file("oci-layout", marker).unwrap();
    assert_eq!(std::fs::read(path.join("oci-layout")).unwrap(), marker);
    let index = format!(r#"{{"manifests": [ ], "mediaType": "{INDEX}", "schemaVersion":2}}"#);
    layout.write_file("index.json", index.as_bytes()).unwrap();
    assert_eq!(index_json(&path), index);
    A::open(&path, OPEN).unwrap();
}

fn bad_files_are_refused<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let before = snapshot(&path);
    let reserved =
        ["", ".", "..", "/etc/passwd", "a/b", "../x", "blobs", "blobs/x", ".ocilayout-x"];
    for name in reserved {
        assert_eq!(layout.write_file(name, b"x").unwrap_err().kind, Kind::Invalid, "{name}");
        assert_eq!(layout.read_file(name).unwrap_err().kind, Kind::Invalid, "{name}");
    }
    for (name, content) in [
        ("oci-layout", ""),
        ("oci-layout", "{}"),
        ("oci-layout", r#"{"imageLayoutVersion":1}"#),
        ("index.json", ""),
        ("index.json", "{}"),
        ("index.json", r#"{"schemaVersion":2,"manifests":null}"#),
        ("index.json", r#"{"schemaVersion":2,"manifests":[{}]}"#),
        ("index.json", r#"{"schemaVersion":2,"manifests":[],"config":{}}"#),
    ] {
        let failure = layout.write_file(name, content.as_bytes()).unwrap_err();
        assert_eq!(failure.kind, Kind::Format, "{content}");
    }
    let future = br#"{"imageLayoutVersion":"2.0.0"}"#;
    assert_eq!(layout.write_file("oci-layout", future).unwrap_err().kind, Kind::Unsupported);
    let absent = layout.read_file("absent").unwrap_err();
    assert_eq!(absent.kind, Kind::NotFound);
    assert_eq!(snapshot(&path), before);
}

fn unknown_files_are_left_alone<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    std::fs::write(path.join("manifest.json"), "[]").unwrap();
    std::fs::create_dir(path.join("ingest")).unwrap();
    std::fs::write(path.join("blobs/sha256.txt"), "x").unwrap();
    let layout_again = A::open(&path, OPEN).unwrap();
    layout_again.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    assert_eq!(std::fs::read(path.join("manifest.json")).unwrap(), b"[]");
    assert!(path.join("ingest").is_dir() && path.join("blobs/sha256.txt").is_file());
}

fn blobs_is_made_where_another_tool_left_it_out<A: Api>() {
    let (_scratch, path, _layout) = layout::<A>();
    std::fs::remove_dir_all(path.join("blobs")).unwrap();
    let layout = A::open(&path, OPEN).unwrap();
    assert!(layout.list(None).unwrap().is_empty());
    assert!(layout.unreferenced().unwrap().is_empty());
    layout.remove(&crate::api::Matcher::AllOf(vec![])).unwrap();
    assert!(path.join("blobs").is_dir(), "an edit makes it");
    std::fs::remove_dir_all(path.join("blobs")).unwrap();
    put(&layout, b"abc", OCTETS);
    assert_clean(&path);
}

fn a_read_only_handle_writes_nothing<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    layout.append(&entry, Some("x"), Append::default()).unwrap();
    let before = snapshot(&path);
    let reader = A::open(&path, Flags { read_only: true, ..OPEN }).unwrap();
    assert_eq!(reader.resolve("x", None).unwrap().digest(), entry.digest());
    assert_eq!(reader.children(&entry).unwrap().len(), 2);
    let options = crate::api::Options::default();
    let index = br#"{"schemaVersion":2,"manifests":[]}"#;
    let all = crate::api::Matcher::AllOf(vec![]);
    for failure in [
        reader.put(crate::api::Source::Memory(b"x"), &options).unwrap_err(),
        reader.put(crate::api::Source::Push(b"x", 1), &options).unwrap_err(),
        reader.remove_blob(entry.digest().as_str()).unwrap_err(),
        reader.write_file("notes", b"x").unwrap_err(),
        reader.append(&entry, Some("y"), Append::default()).unwrap_err(),
        reader.replace(&all, &entry, None).unwrap_err(),
        reader.remove(&all).unwrap_err(),
        reader.put_manifest(index, Some(INDEX), false).unwrap_err(),
        reader.write_from(&entry, &layout).unwrap_err(),
        reader.index(&[], &[]).unwrap_err(),
    ] {
        assert_eq!(failure.kind, Kind::State);
        assert!(failure.message.contains("read-only"), "{}", failure.message);
    }
    assert_eq!(snapshot(&path), before);
}

fn a_layout_that_is_moved_stays_open<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let moved = scratch.path().join("moved");
    std::fs::rename(&path, &moved).unwrap();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    assert_eq!(names(&moved), ["x"]);
    assert!(!path.exists());
    assert_clean(&moved);
}
