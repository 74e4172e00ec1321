//! Finding entries, children and images.

use crate::api::{Api, Append, Kind, Matcher};
use crate::both;
use crate::fixture::{
    CONFIG, INDEX, LAYER, MANIFEST, OCTETS, blob_path, image, image_for, layout, put, sha256,
};
use ocilayout::Descriptor;

both!(
    children_of_an_index_and_of_an_image,
    a_name_resolves_to_the_first_entry,
    a_platform_is_found_through_nested_indexes,
    an_image_without_a_platform_is_asked_for_its_config,
    what_is_not_there_is_not_found,
    what_is_not_there_is_passed_over,
    indexes_nest_only_so_deep,
    shared_children_take_no_longer,
    unreferenced_blobs_are_listed,
    what_is_named_as_two_kinds_is_looked_into,
    a_long_chain_of_subjects_is_followed,
    unreferenced_trusts_no_broken_document,
);

fn children_of_an_index_and_of_an_image<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let (one, two) = (image(&layout, "one"), image(&layout, "two"));
    let blob = put(&layout, b"abc", OCTETS).descriptor;
    let index = layout.index(&[&one, &two, &blob], &[]).unwrap();
    let digests = |parent: &Descriptor| -> Vec<String> {
        let children = layout.children(parent).unwrap();
        children.iter().map(|child| child.digest().to_string()).collect()
    };
    let expected = [&one, &two, &blob].map(|child| child.digest().to_string());
    assert_eq!(digests(&index), expected);
    let kinds: Vec<String> =
        layout.children(&one).unwrap().iter().map(|child| child.media_type().to_string()).collect();
    assert_eq!(kinds, [CONFIG, LAYER]);
    assert_eq!(digests(&one)[1], sha256(b"layer one"));
    assert!(digests(&blob).is_empty());
}

fn a_name_resolves_to_the_first_entry<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let (one, two) = (image(&layout, "one"), image(&layout, "two"));
    layout.append(&one, Some("x"), Append::default()).unwrap();
    layout.append(&two, Some("x"), Append::default()).unwrap();
    assert_eq!(layout.resolve("x", None).unwrap().digest(), one.digest());
    assert_eq!(layout.resolve("x", Some("linux/amd64")).unwrap().digest(), one.digest());
}

fn a_platform_is_found_through_nested_indexes<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let amd = image_for(&layout, "amd", "linux/amd64");
    let arm = image_for(&layout, "arm", "linux/arm64/v8");
    let old = image_for(&layout, "old", "linux/arm/v6");
    let windows = image_for(&layout, "w", "windows/amd64:10.0.2");
    let inner = layout.index(&[&old, &windows], &[]).unwrap();
    let outer = layout.index(&[&amd, &inner, &arm], &[]).unwrap();
    layout.append(&outer, Some("x"), Append::default()).unwrap();
    for (platform, expected) in [
        ("linux/amd64", &amd),
        ("linux/arm64", &arm),
        ("linux/arm64/v8", &arm),
        ("linux/arm", &old),
        ("linux/arm/v6", &old),
        ("windows/amd64", &windows),
        ("windows/amd64:10.0.2", &windows),
        (r#"{"os":"windows","architecture":"amd64"}"#, &windows),
    ] {
        let found = layout.resolve("x", Some(platform)).unwrap();
        assert_eq!(found.digest(), expected.digest(), "{platform}");
    }
    for platform in ["linux/arm/v7", "windows/amd64:10.0.1", "linux/riscv64"] {
        let failure = layout.resolve("x", Some(platform)).unwrap_err();
        assert_eq!(failure.kind, Kind::NotFound);
        assert!(failure.message.contains(platform), "{}", failure.message);
    }
    assert_eq!(layout.resolve("x", Some("linux")).unwrap_err().kind, Kind::Invalid);
    assert_eq!(layout.resolve("x", None).unwrap().media_type().as_str(), INDEX);
}

fn an_image_without_a_platform_is_asked_for_its_config<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let image = image_for(&layout, "x", "linux/s390x");
    let bare = format!(
        r#"{{"mediaType":"{MANIFEST}","digest":"{}","size":{}}}"#,
        image.digest(),
        image.size()
    );
    let bare = Descriptor::parse(bare.as_bytes()).unwrap();
    layout.append(&bare, Some("x"), Append::default()).unwrap();
    assert_eq!(
        layout.resolve("x", Some("linux/s390x")).unwrap().json(),
        layout.list(None).unwrap()[0].json()
    );
    assert_eq!(layout.resolve("x", Some("linux/amd64")).unwrap_err().kind, Kind::NotFound);
    // An index that is built of it learns the platform, too.
    let index = layout.index(&[&bare], &[]).unwrap();
    let child = layout.children(&index).unwrap().remove(0);
    assert_eq!(child.platform().unwrap().unwrap().to_string(), "linux/s390x");
}

fn what_is_not_there_is_not_found<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let failure = layout.resolve("x", None).unwrap_err();
    assert_eq!(failure.kind, Kind::NotFound);
    assert!(failure.message.contains("\"x\""), "{}", failure.message);
    let image = image(&layout, "x");
    std::fs::remove_file(blob_path(&path, image.digest().as_str())).unwrap();
    assert_eq!(layout.children(&image).unwrap_err().kind, Kind::NotFound);
}

fn what_is_not_there_is_passed_over<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let lost = layout.index(&[&image(&layout, "lost")], &[]).unwrap();
    layout.append(&lost, Some("x"), Append::default()).unwrap();
    let foreign =
        format!(r#"{{"mediaType":"{MANIFEST}","digest":"blake3:{}","size":3}}"#, "ab".repeat(32));
    let foreign = Descriptor::parse(foreign.as_bytes()).unwrap();
    let missing = Append { missing_allowed: true, ..Append::default() };
    layout.append(&foreign, Some("x"), missing).unwrap();
    let found = image(&layout, "found");
    layout.append(&found, Some("x"), Append::default()).unwrap();
    layout.remove_blob(lost.digest().as_str()).unwrap();
    assert_eq!(layout.resolve("x", Some("linux/amd64")).unwrap().digest(), found.digest());
}

/// Puts an index of `child` by hand, since the builder would look into it.
fn index_over<A: Api>(layout: &A, child: &Descriptor) -> Descriptor {
    let json = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, child.json());
    layout.put_manifest(json.as_bytes(), Some(INDEX), false).unwrap()
}

fn indexes_nest_only_so_deep<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let mut top = image(&layout, "x");
    for _ in 0..32 {
        top = index_over(&layout, &top);
    }
    layout.append(&top, Some("deep"), Append::default()).unwrap();
    layout.resolve("deep", Some("linux/amd64")).unwrap();
    layout.append(&index_over(&layout, &top), Some("deeper"), Append::default()).unwrap();
    let failure = layout.resolve("deeper", Some("linux/amd64")).unwrap_err();
    assert_eq!(failure.kind, Kind::Format);
    assert!(failure.message.contains("nesting"), "{}", failure.message);
    let (_scratch, _path, other) = crate::fixture::layout::<A>();
    let deeper = layout.resolve("deeper", None).unwrap();
    assert_eq!(other.write_from(&deeper, &layout).unwrap_err().kind, Kind::Format);
}

fn shared_children_take_no_longer<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let mut child = image(&layout, "x");
    // 2^30 ways lead down; each index is looked at once.
    for _ in 0..30 {
        let twice =
            format!(r#"{{"schemaVersion":2,"manifests":[{},{}]}}"#, child.json(), child.json());
        child = layout.put_manifest(twice.as_bytes(), Some(INDEX), false).unwrap();
    }
    layout.append(&child, Some("x"), Append::default()).unwrap();
    assert_eq!(layout.resolve("x", Some("linux/arm")).unwrap_err().kind, Kind::NotFound);
    assert!(layout.unreferenced().unwrap().is_empty());
    let (_scratch, _path, other) = crate::fixture::layout::<A>();
    other.write_from(&child, &layout).unwrap();
}

fn unreferenced_blobs_are_listed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let list = || -> Vec<String> {
        let blobs = layout.unreferenced().unwrap();
        blobs.iter().map(|blob| blob.digest().to_string()).collect()
    };
    let image = image(&layout, "x");
    assert_eq!(list().len(), 3, "nothing is named yet");
    let subject = put(&layout, b"a subject", OCTETS).descriptor;
    let empty = put(&layout, b"{}", "application/vnd.oci.empty.v1+json").descriptor;
    let artifact = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"a/b","config":{e},"layers":[{e}],"subject":{s}}}"#,
        e = empty.json(),
        s = subject.json()
    );
    let artifact = layout.put_manifest(artifact.as_bytes(), None, false).unwrap();
    let index = layout.index(&[&image, &artifact], &[]).unwrap();
    layout.append(&index, Some("x"), Append::default()).unwrap();
    let opaque = put(&layout, b"opaque", "application/x-made-up").descriptor;
    layout.append(&opaque, None, Append::default()).unwrap();
    assert!(list().is_empty(), "{:?}", list());

    put(&layout, b"abc", OCTETS);
    std::fs::write(path.join("blobs/sha256/.junk"), "junk").unwrap();
    std::fs::write(path.join("blobs/junk"), "junk").unwrap();
    std::fs::create_dir(path.join("blobs/sha256/folder")).unwrap();
    let foreign = format!("blake3:{}", "ab".repeat(32));
    std::fs::create_dir(path.join("blobs/blake3")).unwrap();
    std::fs::write(blob_path(&path, &foreign), "foreign").unwrap();
    assert_eq!(list(), [foreign, crate::fixture::ABC.to_owned()]);
    assert_eq!(layout.unreferenced().unwrap()[0].size(), 7);

    // A subject that is not there, and an image that is not: both legal.
    layout.remove_blob(subject.digest().as_str()).unwrap();
    layout.remove_blob(image.digest().as_str()).unwrap();
    assert_eq!(list().len(), 4, "the config and layer of the lost image too");
    layout.remove(&Matcher::AllOf(vec![])).unwrap();
    assert_eq!(list().len(), 8);
}

fn what_is_named_as_two_kinds_is_looked_into<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let index = layout.index(&[&image(&layout, "x")], &[]).unwrap();
    let opaque = index.json().replace(crate::fixture::INDEX, OCTETS);
    let opaque = Descriptor::parse(opaque.as_bytes()).unwrap();
    layout.append(&opaque, Some("x"), Append::default()).unwrap();
    layout.append(&index, Some("x"), Append::default()).unwrap();
    assert!(layout.unreferenced().unwrap().is_empty());
    layout.resolve("x", Some("linux/amd64")).unwrap();
}

fn a_long_chain_of_subjects_is_followed<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let empty = put(&layout, b"{}", "application/vnd.oci.empty.v1+json").descriptor;
    let mut last = empty.clone();
    for _ in 0..3000 {
        let json = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"a/b","config":{e},"layers":[{e}],"subject":{s}}}"#,
            e = empty.json(),
            s = last.json()
        );
        last = layout.put_manifest(json.as_bytes(), None, false).unwrap();
    }
    layout.append(&last, Some("x"), Append::default()).unwrap();
    // On a stack that would not bear one frame for each.
    std::thread::scope(|scope| {
        let small = std::thread::Builder::new().stack_size(128 << 10);
        let list = small.spawn_scoped(scope, || layout.unreferenced().unwrap().len()).unwrap();
        assert_eq!(list.join().unwrap(), 0);
    });
}

fn unreferenced_trusts_no_broken_document<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let image = image(&layout, "x");
    layout.append(&image, Some("x"), Append::default()).unwrap();
    let size = usize::try_from(image.size()).unwrap();
    std::fs::write(blob_path(&path, image.digest().as_str()), vec![b' '; size]).unwrap();
    assert_eq!(layout.unreferenced().unwrap_err().kind, Kind::Digest);
}
