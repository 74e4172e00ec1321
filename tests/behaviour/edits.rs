//! Edits of `index.json`: append, replace, remove.

use crate::api::{Api, Append, Kind, Matcher, OPEN};
use crate::both;
use crate::fixture::{
    ABC, INDEX, OCTETS, assert_clean, image, index_json, layout, names, put, snapshot,
};
use ocilayout::Descriptor;

both!(
    append_adds_at_the_end,
    appending_the_same_twice_leaves_one,
    two_are_there_when_two_are_asked_for,
    a_missing_blob_is_refused_unless_allowed,
    descriptors_carry_annotations_urls_and_platform,
    replace_keeps_the_place,
    replace_without_a_match_appends,
    remove_says_how_many,
    manifests_is_never_null,
    a_null_of_another_tool_is_taken_for_empty,
    untouched_bytes_stay,
    a_missing_media_type_is_added_once,
    names_of_other_tools_survive,
    a_neighbour_of_another_algorithm_does_no_harm,
    os_version_and_features_of_others_survive,
    malformed_names_are_refused,
    a_function_that_stops_changes_nothing,
    a_function_may_edit_the_same_layout,
    nothing_is_written_when_nothing_changes,
    nothing_is_written_that_could_not_be_read,
    entries_that_differ_are_different,
    replace_adds_no_second_entry_of_the_same,
);

fn append_adds_at_the_end<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for name in ["one", "two", "a/b:c@d+e"] {
        layout.append(&image(&layout, name), Some(name), Append::default()).unwrap();
    }
    assert_eq!(names(&path), ["one", "two", "a/b:c@d+e"]);
    assert_clean(&path);
}

fn appending_the_same_twice_leaves_one<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    for _ in 0..2 {
        layout.append(&entry, Some("x"), Append::default()).unwrap();
        layout.append(&entry, None, Append::default()).unwrap();
    }
    assert_eq!(names(&path), ["x", ""]);
    // The same in another order and spacing is still the same.
    let fields: serde_json::Value = serde_json::from_str(entry.json()).unwrap();
    let reordered = format!(
        r#"{{ "size": {}, "platform": {}, "digest":{}, "mediaType":{} }}"#,
        fields["size"], fields["platform"], fields["digest"], fields["mediaType"]
    );
    let reordered = Descriptor::parse(reordered.as_bytes()).unwrap();
    layout.append(&reordered, None, Append::default()).unwrap();
    assert_eq!(names(&path), ["x", ""]);
}

fn two_are_there_when_two_are_asked_for<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let duplicate = Append { duplicate: true, ..Append::default() };
    layout.append(&entry, Some("x"), duplicate).unwrap();
    layout.append(&entry, Some("x"), duplicate).unwrap();
    assert_eq!(names(&path), ["x", "x"]);
}

fn absent() -> Descriptor {
    let json = format!(r#"{{"mediaType":"{OCTETS}","digest":"{ABC}","size":3}}"#);
    Descriptor::parse(json.as_bytes()).unwrap()
}

fn a_missing_blob_is_refused_unless_allowed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let before = snapshot(&path);
    let failure = layout.append(&absent(), Some("x"), Append::default()).unwrap_err();
    assert_eq!(failure.kind, Kind::NotFound);
    assert!(failure.message.contains(ABC), "{}", failure.message);
    let all = Matcher::AllOf(vec![]);
    assert_eq!(layout.replace(&all, &absent(), None).unwrap_err().kind, Kind::NotFound);
    assert_eq!(snapshot(&path), before);
    let allowed = Append { missing_allowed: true, ..Append::default() };
    layout.append(&absent(), Some("x"), allowed).unwrap();
    assert_eq!(names(&path), ["x"]);
    // A blob of another size is as good as none.
    std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    std::fs::write(crate::fixture::blob_path(&path, ABC), "ab").unwrap();
    let failure = layout.append(&absent(), Some("y"), Append::default()).unwrap_err();
    assert_eq!(failure.kind, Kind::NotFound);
}

fn descriptors_carry_annotations_urls_and_platform<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let mut entry = put(&layout, b"abc", OCTETS).descriptor;
    entry.set_annotation("org.example.key", Some("value")).unwrap();
    entry.add_url("https://example.org/abc").unwrap();
    entry.set_platform(&"linux/arm64/v8:5".parse().unwrap()).unwrap();
    layout.append(&entry, Some("x"), Append::default()).unwrap();
    let index: serde_json::Value = serde_json::from_str(&index_json(&path)).unwrap();
    assert_eq!(
        index["manifests"][0],
        serde_json::json!({
            "mediaType": OCTETS, "digest": ABC, "size": 3,
            "urls": ["https://example.org/abc"],
            "platform": {
                "os": "linux", "architecture": "arm64", "variant": "v8", "os.version": "5"
            },
            "annotations": {
                "org.example.key": "value", "org.opencontainers.image.ref.name": "x"
            },
        })
    );
    assert!(layout.list(None).unwrap()[0].urls().eq(["https://example.org/abc"]));
}

fn replace_keeps_the_place<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for name in ["a", "b", "c", "b", "d"] {
        let unlike = image(&layout, &format!("{name}{}", names(&path).len()));
        layout.append(&unlike, Some(name), Append::default()).unwrap();
    }
    let new = image(&layout, "new");
    assert_eq!(layout.replace(&Matcher::Name("b"), &new, Some("new")).unwrap(), 2);
    assert_eq!(names(&path), ["a", "new", "c", "d"]);
    assert_eq!(layout.resolve("new", None).unwrap().digest(), new.digest());
    assert_clean(&path);
}

fn replace_without_a_match_appends<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    assert_eq!(layout.replace(&Matcher::Name("x"), &entry, Some("x")).unwrap(), 0);
    assert_eq!(layout.replace(&Matcher::Name("x"), &entry, Some("x")).unwrap(), 1);
    assert_eq!(names(&path), ["x"]);
}

fn remove_says_how_many<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for name in ["a", "b", "c"] {
        layout.append(&image(&layout, name), Some(name), Append::default()).unwrap();
    }
    let blobs = snapshot(&path).len();
    let a_or_c = Matcher::AnyOf(vec![Matcher::Name("a"), Matcher::Name("c")]);
    assert_eq!(layout.remove(&a_or_c).unwrap(), 2);
    assert_eq!(layout.remove(&a_or_c).unwrap(), 0);
    assert_eq!(names(&path), ["b"]);
    assert_eq!(snapshot(&path).len(), blobs, "no blob goes with its entry");
}

fn manifests_is_never_null<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    assert_eq!(layout.remove(&Matcher::Name("x")).unwrap(), 1);
    assert!(index_json(&path).contains(r#""manifests":[]"#), "{}", index_json(&path));
    assert!(layout.list(None).unwrap().is_empty());
}

fn a_null_of_another_tool_is_taken_for_empty<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let null = r#"{"schemaVersion":2,"x":1.0,"manifests": null,"annotations":{"k":"v"}}"#;
    std::fs::write(path.join("index.json"), null).unwrap();
    let before = snapshot(&path);
    assert!(layout.list(None).unwrap().is_empty());
    assert_eq!(layout.remove(&Matcher::Name("x")).unwrap(), 0);
    assert_eq!(snapshot(&path), before);
    let entry = image(&layout, "x");
    layout.append(&entry, None, Append::default()).unwrap();
    let expected = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","x":1.0,"manifests": [{}],"annotations":{{"k":"v"}}}}"#,
        entry.json()
    );
    assert_eq!(index_json(&path), expected);
}

/// An index as a person or another tool may have written it.
const FOREIGN: &str = r#"{
  "x-first": {"a": [1.0, 2e5, 12345678901234567890]},
  "annotations": {"k":"v"},
  "schemaVersion": 2,
  "subject": {"mediaType":"a/b","digest":"blake3:00","size":0},
  "manifests": [
    {"size":3, "x-unknown": {"z":1,"a":[ ]}, "digest":"@", "mediaType":"a/b"},
    {"mediaType":"application/x-made-up", "digest":"@", "size":3}
  ],
  "artifactType": "a/c",
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "x-last": null
}
"#;

fn foreign() -> String {
    FOREIGN.replace('@', ABC)
}

fn untouched_bytes_stay<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    std::fs::write(path.join("index.json"), foreign()).unwrap();
    let new = image(&layout, "new");
    layout.append(&new, Some("new"), Append::default()).unwrap();
    let with_new = index_json(&path);
    // Take the new entry out again by hand: what is left is what was there.
    let start = with_new.find(",{\"mediaType\":\"application/vnd.oci.image.manifest").unwrap();
    let end = start + with_new[start..].find("}}").unwrap() + 2;
    let without = format!("{}\n  {}", &with_new[..start], &with_new[end..]);
    assert_eq!(without, foreign());

    assert_eq!(layout.remove(&Matcher::Name("new")).unwrap(), 1);
    assert_eq!(layout.remove(&Matcher::MediaTypes(&["a/b"])).unwrap(), 1);
    let left = index_json(&path);
    for kept in [
        r#""x-first": {"a": [1.0, 2e5, 12345678901234567890]},"#,
        r#""subject": {"mediaType":"a/b","digest":"blake3:00","size":0},"#,
        r#"{"mediaType":"application/x-made-up", "digest":"#,
        r#""artifactType": "a/c","#,
        "\"x-last\": null\n}\n",
    ] {
        assert!(left.contains(kept), "{kept} is not in {left}");
    }
}

fn a_missing_media_type_is_added_once<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    std::fs::write(path.join("index.json"), r#"{"schemaVersion":2,"manifests":[]}"#).unwrap();
    for name in ["a", "b"] {
        layout.append(&image(&layout, name), Some(name), Append::default()).unwrap();
    }
    let index = index_json(&path);
    let media_type = r#""mediaType":"application/vnd.oci.image.index.v1+json""#;
    assert_eq!(index.matches(media_type).count(), 1, "{index}");
}

fn names_of_other_tools_survive<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    let entry = |name: &str| {
        let annotations =
            format!(r#""annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#);
        format!(r#"{{"mediaType":"a/b","digest":"{ABC}","size":3,{annotations}}}"#)
    };
    let entries = [entry("_x"), entry("a__b"), entry(""), entry("same"), entry("same")].join(",");
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
    std::fs::write(path.join("index.json"), index).unwrap();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    assert_eq!(names(&path), ["_x", "a__b", "", "same", "same", "x"]);
    assert_eq!(layout.resolve("a__b", None).unwrap().digest().as_str(), ABC);
    assert_eq!(layout.remove(&Matcher::Name("_x")).unwrap(), 1);
    // By annotation such a name can be written, too.
    let mut odd = image(&layout, "odd");
    odd.set_annotation("org.opencontainers.image.ref.name", Some("_odd_")).unwrap();
    layout.append(&odd, None, Append::default()).unwrap();
    assert_eq!(names(&path).last().unwrap(), "_odd_");
}

fn a_neighbour_of_another_algorithm_does_no_harm<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entries: Vec<String> = [
        format!("sha512:{}", "0123456789abcdef".repeat(8)),
        format!("blake3:{}", "ab".repeat(32)),
        "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564".to_owned(),
        format!("made-up:{}", "a".repeat(1000)),
    ]
    .iter()
    .map(|digest| format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":3}}"#))
    .collect();
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
    std::fs::write(path.join("index.json"), index).unwrap();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    layout.replace(&Matcher::Name("x"), &image(&layout, "y"), Some("y")).unwrap();
    layout.remove(&Matcher::Name("y")).unwrap();
    let listed = layout.list(None).unwrap();
    assert_eq!(listed.iter().map(Descriptor::json).collect::<Vec<_>>(), entries);
    layout.unreferenced().unwrap();
}

fn os_version_and_features_of_others_survive<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    let platform = r#"{"os":"windows","os.features":["win32k"],"os.version":"10.0","architecture":"amd64","features":["sse4"],"variant":""}"#;
    let entry = format!(r#"{{"platform":{platform},"mediaType":"a/b","digest":"{ABC}","size":3}}"#);
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#);
    std::fs::write(path.join("index.json"), index).unwrap();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    assert!(index_json(&path).contains(&entry));
    // And of the entry itself, when it is read, changed and written again.
    let mut moved = layout.list(None).unwrap().remove(0);
    moved.set_annotation("k", Some("v")).unwrap();
    layout.replace(&Matcher::Digests(&[ABC]), &moved, None).unwrap();
    assert!(index_json(&path).contains(platform), "{}", index_json(&path));
}

fn malformed_names_are_refused<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let before = snapshot(&path);
    let long = format!("{}!", "a".repeat(1 << 20));
    for name in ["", "a b", "/a", "a/", "_x", "a..b", "é", "a\n", &long] {
        let failure = layout.append(&entry, Some(name), Append::default()).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid, "{name:?}");
        assert!(failure.message.contains(": expected letters and digits"), "{}", failure.message);
        assert!(failure.message.len() < 300 && !failure.message.contains('\n'));
    }
    assert_eq!(snapshot(&path), before);
}

fn a_function_that_stops_changes_nothing<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for name in ["a", "b", "c"] {
        layout.append(&image(&layout, name), Some(name), Append::default()).unwrap();
    }
    let new = image(&layout, "new");
    let before = snapshot(&path);
    let stops = |entry: &Descriptor| if entry.reference() == Some("b") { -1234 } else { 1 };
    for failure in [
        layout.remove(&Matcher::Function(&stops)).unwrap_err(),
        layout.replace(&Matcher::Function(&stops), &new, None).unwrap_err(),
        layout.list(Some(&Matcher::Function(&stops))).unwrap_err(),
    ] {
        assert_eq!((failure.kind, failure.callback_code), (Kind::Callback, -1234));
    }
    assert_eq!(snapshot(&path), before);
    // No lock stays behind.
    A::open(&path, OPEN).unwrap().append(&new, Some("d"), Append::default()).unwrap();
}

fn a_function_may_edit_the_same_layout<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.append(&image(&layout, "a"), Some("a"), Append::default()).unwrap();
    let others = std::sync::atomic::AtomicUsize::new(0);
    let adds_one = |entry: &Descriptor| {
        let n = others.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if n < 3 {
            let name = format!("other{n}");
            layout.append(&image(&layout, &name), Some(&name), Append::default()).unwrap();
        }
        i32::from(entry.reference() == Some("a"))
    };
    assert_eq!(layout.remove(&Matcher::Function(&adds_one)).unwrap(), 1);
    assert_eq!(names(&path), ["other0", "other1", "other2"], "no edit was lost");
}

fn nothing_is_written_that_could_not_be_read<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    let with = |extra: &str| {
        let json = format!(r#"{{"mediaType":"a/b","digest":"{ABC}","size":3,"x":{extra}}}"#);
        Descriptor::parse(json.as_bytes()).unwrap()
    };
    let deep = with(&format!("{}{}", "[".repeat(99), "]".repeat(99)));
    let long = |n: u8| with(&format!("\"{n}{}\"", " ".repeat(40 << 20)));
    layout.append(&long(1), None, Append::default()).unwrap();
    let before = snapshot(&path);
    assert_eq!(layout.append(&deep, None, Append::default()).unwrap_err().kind, Kind::Format);
    assert_eq!(layout.append(&long(2), None, Append::default()).unwrap_err().kind, Kind::Limit);
    assert_eq!(snapshot(&path), before);
    assert_eq!(layout.remove(&Matcher::Digests(&[ABC])).unwrap(), 1);
}

fn entries_that_differ_are_different<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    for extra in ["1e999", "2e999", "36893488147419103233", "36893488147419103232", "1", "1.0"] {
        let json = format!(r#"{{"mediaType":"a/b","digest":"{ABC}","size":3,"x":{extra}}}"#);
        let entry = Descriptor::parse(json.as_bytes()).unwrap();
        layout.append(&entry, None, Append::default()).unwrap();
    }
    assert_eq!(layout.list(None).unwrap().len(), 6);
}

fn replace_adds_no_second_entry_of_the_same<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (one, two) = (image(&layout, "one"), image(&layout, "two"));
    layout.append(&one, Some("one"), Append::default()).unwrap();
    layout.append(&two, Some("two"), Append::default()).unwrap();
    assert_eq!(layout.replace(&Matcher::Name("two"), &one, Some("one")).unwrap(), 1);
    assert_eq!(names(&path), ["one"]);
}

fn nothing_is_written_when_nothing_changes<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "a");
    layout.append(&entry, Some("a"), Append::default()).unwrap();
    let before = snapshot(&path);
    layout.append(&entry, Some("a"), Append::default()).unwrap();
    assert_eq!(layout.remove(&Matcher::Name("other")).unwrap(), 0);
    assert_eq!(layout.replace(&Matcher::Name("a"), &entry, Some("a")).unwrap(), 1);
    assert_eq!(snapshot(&path), before, "the files are the same ones");

    let empty = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[ ]}}"#);
    layout.write_file("index.json", empty.as_bytes()).unwrap();
    let before = snapshot(&path);
    layout.remove(&Matcher::Name("other")).unwrap();
    assert_eq!(snapshot(&path), before);
}
