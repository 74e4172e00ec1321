//! What a hostile or broken layout may not do: lead out, hang, grow, or be
//! written to.

use crate::api::{Api, Append, Flags, Kind, Matcher, OPEN, Options, Source};
use crate::both;
use crate::fixture::{ABC, OCTETS, blob_path, image, layout, make_fifo, put, snapshot};
use ocilayout::Descriptor;
use std::os::unix::fs::symlink;
use std::path::Path;

both!(
    a_bad_index_is_refused_everywhere,
    a_huge_index_is_refused,
    a_deep_index_is_refused,
    a_bad_marker_is_refused,
    something_else_in_the_place_of_a_file,
    something_else_in_the_place_of_a_blob,
    something_else_in_the_place_of_blobs,
    symlinked_blobs_are_read_when_allowed,
    a_path_in_a_digest_leads_nowhere,
    malformed_digests_are_refused,
    embedded_data_must_be_the_content,
);

/// Calls whatever reads `index.json`.
fn every_use<A: Api>(layout: &A, entry: &Descriptor) -> Vec<Kind> {
    let all = Matcher::AllOf(vec![]);
    vec![
        layout.list(None).unwrap_err().kind,
        layout.resolve("x", None).unwrap_err().kind,
        layout.append(entry, Some("x"), Append::default()).unwrap_err().kind,
        layout.replace(&all, entry, None).unwrap_err().kind,
        layout.remove(&all).unwrap_err().kind,
        layout.unreferenced().unwrap_err().kind,
    ]
}

fn a_bad_index_is_refused_everywhere<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let blob = format!(r#"{{"mediaType":"a/b","digest":"{ABC}","size":3}}"#);
    for bad in [
        "",
        "null",
        "[]",
        "{",
        "\u{feff}{\"schemaVersion\":2,\"manifests\":[]}",
        r#"{"schemaVersion":2,"manifests":[]} trailing"#,
        r#"{"schemaVersion":2,"manifests":[]"#,
        r#"{"schemaVersion":2,"manifests":{}}"#,
        r#"{"schemaVersion":2}"#,
        r#"{"manifests":[]}"#,
        r#"{"schemaVersion":"2","manifests":[]}"#,
        r#"{"schemaVersion":1,"manifests":[]}"#,
        r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#,
        r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#,
        r#"{"schemaVersion":2,"manifests":[],"config":@}"#,
        r#"{"schemaVersion":2,"manifests":[],"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#,
        r#"{"schemaVersion":2,"manifests":[],"mediaType":null}"#,
        r#"[2,null,null,[]]"#,
        r#"{"schemaVersion":2,"manifests":[["a/b","@digest",3,null,null,null,null]]}"#,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"@digest","size":3,"platform":["x","y"]}]}"#,
        r#"{"schemaVersion":2,"manifests":[null]}"#,
        r#"{"schemaVersion":2,"manifests":[{}]}"#,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:../../x","size":3}]}"#,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"@digest","size":-1}]}"#,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"@digest","size":9223372036854775808}]}"#,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"@digest","size":1,"size":2}]}"#,
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"@digest","size":1,"annotations":{"a":1}}]}"#,
    ] {
        let bad = bad.replace("@digest", ABC).replace('@', &blob);
        std::fs::write(path.join("index.json"), &bad).unwrap();
        let before = snapshot(&path);
        assert_eq!(every_use(&layout, &entry), [Kind::Format; 6], "{bad}");
        assert_eq!(snapshot(&path), before);
    }
    std::fs::write(
        path.join("index.json"),
        b"{\"schemaVersion\":2,\"manifests\":[],\"x\":\"\xff\"}",
    )
    .unwrap();
    assert_eq!(every_use(&layout, &entry), [Kind::Format; 6]);
    std::fs::remove_file(path.join("index.json")).unwrap();
    assert_eq!(every_use(&layout, &entry), [Kind::Format; 6]);
    assert_eq!(A::open(&path, OPEN).err().unwrap().kind, Kind::Format);
}

fn a_huge_index_is_refused<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let file = std::fs::File::create(path.join("index.json")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    assert_eq!(every_use(&layout, &entry), [Kind::Limit; 6]);
    let huge = vec![b' '; (64 << 20) + 1];
    assert_eq!(layout.put_manifest(&huge, None, false).unwrap_err().kind, Kind::Limit);
    assert_eq!(layout.write_file("index.json", &huge).unwrap_err().kind, Kind::Limit);
    // A document is refused by what its descriptor says, before it is read.
    let media_type = crate::fixture::INDEX;
    let claims = format!(r#"{{"mediaType":"{media_type}","digest":"{ABC}","size":1099511627776}}"#);
    let claims = Descriptor::parse(claims.as_bytes()).unwrap();
    assert_eq!(layout.children(&claims).unwrap_err().kind, Kind::Limit);
    let nothing = crate::api::Blobs::new();
    assert_eq!(layout.write(&claims, &nothing).unwrap_err().kind, Kind::Limit);
}

fn a_deep_index_is_refused<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nest = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let deep = format!(r#"{{"schemaVersion":2,"manifests":[],"x":{nest}}}"#);
        std::fs::write(path.join("index.json"), &deep).unwrap();
        assert_eq!(every_use(&layout, &entry), [Kind::Format; 6]);
        let failure = layout.put_manifest(deep.as_bytes(), None, false).unwrap_err();
        assert_eq!(failure.kind, Kind::Format);
        assert!(failure.message.contains("nesting"), "{}", failure.message);
    }
}

fn a_bad_marker_is_refused<A: Api>() {
    let (_scratch, path, _layout) = layout::<A>();
    for (marker, kind) in [
        ("", Kind::Format),
        ("{}", Kind::Format),
        (r#"{"imageLayoutVersion":null}"#, Kind::Format),
        (r#"["1.0.0"]"#, Kind::Format),
        (r#"{"imageLayoutVersion":"2.0.0"}"#, Kind::Unsupported),
        (r#"{"imageLayoutVersion":"1.1.0"}"#, Kind::Unsupported),
    ] {
        std::fs::write(path.join("oci-layout"), marker).unwrap();
        let before = snapshot(&path);
        for flags in [OPEN, crate::api::CREATE] {
            let failure = A::open(&path, flags).err().unwrap();
            assert_eq!(failure.kind, kind, "{marker}");
            assert!(failure.message.contains("oci-layout"), "{}", failure.message);
        }
        assert_eq!(snapshot(&path), before);
    }
}

/// Puts each kind of thing that is no regular file at `path`, one by one.
pub fn for_each_kind(path: &Path, check: impl Fn(&str)) {
    let remove = || {
        if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    };
    remove();
    for kind in ["symbolic link", "dangling symbolic link", "FIFO", "socket", "directory"] {
        match kind {
            "symbolic link" => symlink("/etc/passwd", path).unwrap(),
            "dangling symbolic link" => symlink("/no/such/file", path).unwrap(),
            "FIFO" => make_fifo(path),
            "socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
            _ => std::fs::create_dir(path).unwrap(),
        }
        check(kind.trim_start_matches("dangling "));
        remove();
    }
}

fn something_else_in_the_place_of_a_file<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    for_each_kind(&path.join("index.json"), |kind| {
        let before = snapshot(&path);
        assert_eq!(every_use(&layout, &entry), [Kind::Format; 6], "{kind}");
        let failure = layout.list(None).unwrap_err();
        assert!(failure.message.contains(&format!("found a {kind}")), "{}", failure.message);
        assert_eq!(A::open(&path, OPEN).err().unwrap().kind, Kind::Format, "{kind}");
        assert_eq!(snapshot(&path), before, "{kind}");
    });
    for_each_kind(&path.join("oci-layout"), |kind| {
        let before = snapshot(&path);
        for flags in [OPEN, crate::api::CREATE] {
            assert_eq!(A::open(&path, flags).err().unwrap().kind, Kind::Format, "{kind}");
        }
        assert_eq!(snapshot(&path), before, "{kind}");
    });
}

fn something_else_in_the_place_of_a_blob<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let stored = put(&layout, b"abc", OCTETS).descriptor;
    layout.append(&stored, Some("x"), Append::default()).unwrap();
    for_each_kind(&blob_path(&path, ABC), |kind| {
        let before = snapshot(&path);
        for failure in [
            layout.read_blob(&stored, 3).unwrap_err(),
            layout.stream_blob(&stored, 3).unwrap_err(),
            layout.blob_size(ABC).unwrap_err(),
            layout.put(Source::Memory(b"abc"), &Options::default()).unwrap_err(),
            layout.append(&stored, Some("y"), Append::default()).unwrap_err(),
        ] {
            assert_eq!(failure.kind, Kind::Format, "{kind}: {}", failure.message);
            assert!(failure.message.contains(&format!("found a {kind}")), "{}", failure.message);
        }
        assert_eq!(snapshot(&path), before, "{kind}");
    });
}

fn something_else_in_the_place_of_blobs<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let stored = put(&layout, b"abc", OCTETS).descriptor;
    let outside = scratch.path().join("outside");
    std::fs::create_dir_all(outside.join("sha256")).unwrap();
    std::fs::write(outside.join("sha256").join(&ABC[7..]), "abc").unwrap();
    let before = snapshot(&outside);
    for place in ["blobs/sha256", "blobs"] {
        let place = path.join(place);
        std::fs::remove_dir_all(&place).unwrap();
        let target =
            if place.ends_with("blobs") { outside.clone() } else { outside.join("sha256") };
        for kind in ["link", "file", "FIFO"] {
            match kind {
                "link" => symlink(&target, &place).unwrap(),
                "file" => std::fs::write(&place, "x").unwrap(),
                _ => make_fifo(&place),
            }
            for failure in [
                layout.put(Source::Memory(b"new"), &Options::default()).unwrap_err(),
                layout.put(Source::Push(b"new", 1), &Options::default()).unwrap_err(),
                layout.read_blob(&stored, 3).unwrap_err(),
                layout.remove_blob(ABC).unwrap_err(),
                layout.append(&stored, None, Append::default()).unwrap_err(),
            ] {
                assert_eq!(failure.kind, Kind::Format, "{kind}: {}", failure.message);
                assert!(failure.message.contains("a directory"), "{}", failure.message);
            }
            std::fs::remove_file(&place).unwrap();
        }
        std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    }
    assert_eq!(snapshot(&outside), before, "nothing was written through the link");
}

fn symlinked_blobs_are_read_when_allowed<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let stored = put(&layout, b"abc", OCTETS).descriptor;
    let elsewhere = scratch.path().join("elsewhere");
    let blob = blob_path(&path, ABC);
    std::fs::rename(&blob, &elsewhere).unwrap();
    symlink(&elsewhere, &blob).unwrap();
    assert_eq!(layout.read_blob(&stored, 3).unwrap_err().kind, Kind::Format);

    let allowed = A::open(&path, Flags { symlinked_blobs: true, ..OPEN }).unwrap();
    assert_eq!(allowed.read_blob(&stored, 3).unwrap(), b"abc");
    assert_eq!(allowed.blob_size(ABC).unwrap(), 3);
    allowed.append(&stored, Some("x"), Append::default()).unwrap();
    put(&allowed, b"abc", OCTETS);
    assert!(blob.is_symlink(), "a blob that is there is not written again");
    std::fs::write(&elsewhere, "xyz").unwrap();
    let failure = allowed.append(&stored, Some("y"), Append::default()).unwrap_err();
    assert_eq!(failure.kind, Kind::NotFound);
    assert!(failure.message.contains("link"), "{}", failure.message);
    assert_eq!(allowed.read_blob(&stored, 3).unwrap_err().kind, Kind::Digest);
    // A link is never trusted by its size, and mending it writes into the layout
    // and not through the link.
    put(&allowed, b"abc", OCTETS);
    assert!(!blob.is_symlink());
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"xyz");
    // Only blobs may be links: a folder or a FIFO at the end of one may not.
    std::fs::remove_file(&blob).unwrap();
    symlink("/etc", &blob).unwrap();
    assert_eq!(allowed.read_blob(&stored, 3).unwrap_err().kind, Kind::Format);
    std::fs::remove_file(&blob).unwrap();
    make_fifo(&scratch.path().join("fifo"));
    symlink(scratch.path().join("fifo"), &blob).unwrap();
    assert_eq!(allowed.read_blob(&stored, 3).unwrap_err().kind, Kind::Format);
}

fn a_path_in_a_digest_leads_nowhere<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let before = snapshot(scratch.path());
    for digest in
        ["sha256:../../../escape", "../escape:aa", "sha256:/etc/passwd", "..:..", "a/b:cc"]
    {
        let options = Options { digest: Some(digest.to_owned()), ..Options::default() };
        let failure = layout.put(Source::Memory(b"x"), &options).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid, "{digest}");
        assert!(failure.message.contains(digest), "{}", failure.message);
        assert_eq!(layout.blob_size(digest).unwrap_err().kind, Kind::Invalid);
        assert_eq!(layout.remove_blob(digest).unwrap_err().kind, Kind::Invalid);
    }
    assert_eq!(snapshot(scratch.path()), before);
    assert!(path.is_dir());
}

fn malformed_digests_are_refused<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let hex = &ABC[7..];
    for digest in [
        String::new(),
        hex.to_owned(),
        "sha256:".to_owned(),
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}0"),
        format!("sha256:{}", hex.to_uppercase()),
        format!("SHA256:{hex}"),
        format!("sha512:{hex}"),
        format!(" {ABC}"),
        format!("{ABC}\n"),
        format!("sha256:{}", "a".repeat(4096)),
    ] {
        let failure = layout.blob_size(&digest).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid, "{digest:?}");
        assert!(failure.message.starts_with("digest: expected"), "{}", failure.message);
        assert!(failure.message.len() < 300 && !failure.message.contains('\n'));
    }
}

fn embedded_data_must_be_the_content<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    let with_data = |data: &str| {
        let json =
            format!(r#"{{"mediaType":"{OCTETS}","digest":"{ABC}","size":3,"data":"{data}"}}"#);
        Descriptor::parse(json.as_bytes()).unwrap()
    };
    let before = snapshot(&path);
    // "abd", too much, too little, and no base64.
    for bad in ["YWJk", "YWJjYQ==", "YWI=", "", "not base64!"] {
        let failure = layout.append(&with_data(bad), Some("x"), Append::default()).unwrap_err();
        assert!(matches!(failure.kind, Kind::Digest | Kind::Format), "{}", failure.message);
    }
    assert_eq!(snapshot(&path), before);
    layout.append(&with_data("YWJj"), Some("x"), Append::default()).unwrap();
}
