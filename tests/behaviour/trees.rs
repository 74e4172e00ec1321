//! Whole images and indexes: created, put verbatim, written down the tree.

use crate::api::{Api, Append, Blobs, CREATE, Kind, OPEN};
use crate::both;
use crate::fixture::{
    ABC, CONFIG, INDEX, LAYER, MANIFEST, OCTETS, assert_clean, blob_path, image, image_for,
    index_json, layout, names, put, sha256, snapshot,
};
use ocilayout::Descriptor;
use std::path::Path;

both!(
    a_layout_is_created_with_a_given_index,
    creating_never_overwrites,
    creating_without_a_source_makes_a_sparse_layout,
    a_failed_creation_leaves_no_layout,
    an_image_is_written_down_to_its_layers,
    an_index_is_written_down_the_whole_tree,
    what_is_there_is_not_read,
    a_lying_source_is_refused,
    a_corrupt_document_is_written_anew,
    a_blob_that_is_named_as_two_kinds_is_written_as_both,
    images_nest_only_so_deep,
    a_corrupt_config_is_written_anew,
    a_tree_is_copied_from_another_layout,
    documents_are_stored_byte_for_byte,
    references_must_be_there_unless_allowed,
    a_document_is_one_kind_only,
    an_empty_index_goes_into_a_fresh_layout,
    artifacts_tell_their_type,
);

/// Every blob of a layout, by digest, read by other means than ours.
fn all_blobs(layout: &Path) -> Blobs {
    let folder = layout.join("blobs/sha256");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let digest = format!("sha256:{}", path.file_name().unwrap().to_str().unwrap());
            (digest, std::fs::read(path).unwrap())
        })
        .collect()
}

/// A tree with an image, a nested index and a child of no known type, and all
/// of its blobs.
fn tree<A: Api>() -> (Descriptor, Blobs) {
    let (_scratch, path, layout) = layout::<A>();
    let inner = layout.index(&[&image_for(&layout, "inner", "linux/arm64")], &[]).unwrap();
    let opaque = put(&layout, b"abc", "application/x-made-up").descriptor;
    let top = layout.index(&[&image(&layout, "outer"), &inner, &opaque], &[]).unwrap();
    (top, all_blobs(&path))
}

fn index_of(entry: &Descriptor) -> String {
    format!(
        r#"{{ "schemaVersion":2, "mediaType":"{INDEX}", "manifests": [ {} ], "x": 1.0 }}"#,
        entry.json()
    )
}

fn a_layout_is_created_with_a_given_index<A: Api>() {
    let (top, blobs) = tree::<A>();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("a/b/layout");
    let index = index_of(&top);
    let layout = A::create(&path, index.as_bytes(), Some(&blobs)).unwrap();
    assert_eq!(index_json(&path), index, "as it was given");
    assert_eq!(
        std::fs::read_to_string(path.join("oci-layout")).unwrap(),
        r#"{"imageLayoutVersion":"1.0.0"}"#
    );
    assert_eq!(all_blobs(&path), blobs);
    assert_eq!(layout.children(&top).unwrap().len(), 3);
    assert_clean(&path);
}

fn creating_never_overwrites<A: Api>() {
    let (top, blobs) = tree::<A>();
    let (_scratch, path, _layout) = layout::<A>();
    let before = snapshot(&path);
    let index = index_of(&top);
    let failure = A::create(&path, index.as_bytes(), Some(&blobs)).err().unwrap();
    assert_eq!(failure.kind, Kind::Exists);
    let exclusive = crate::api::Flags { exclusive: true, ..CREATE };
    assert_eq!(A::open(&path, exclusive).err().unwrap().kind, Kind::Exists);
    A::open(&path, CREATE).unwrap();
    assert_eq!(snapshot(&path), before);
}

fn creating_without_a_source_makes_a_sparse_layout<A: Api>() {
    let (top, _blobs) = tree::<A>();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("layout");
    let index = r#"{"schemaVersion":2,"manifests":[@]}"#.replace('@', top.json());
    let layout = A::create(&path, index.as_bytes(), None).unwrap();
    assert!(path.join("blobs").is_dir());
    assert_eq!(layout.list(None).unwrap()[0].json(), top.json());
    assert!(index_json(&path).contains(INDEX), "it carries its media type");
    assert_eq!(layout.children(&top).unwrap_err().kind, Kind::NotFound);
}

fn a_failed_creation_leaves_no_layout<A: Api>() {
    let (top, mut blobs) = tree::<A>();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("layout");
    for bad in ["", "{", "[]", r#"{"schemaVersion":2,"manifests":null}"#] {
        let failure = A::create(&path, bad.as_bytes(), None).err().unwrap();
        assert_eq!(failure.kind, Kind::Format, "{bad}");
        assert!(!path.exists(), "nothing is made for {bad:?}");
    }
    let lost = blobs.remove(ABC).unwrap();
    let index = index_of(&top);
    let failure = A::create(&path, index.as_bytes(), Some(&blobs)).err().unwrap();
    assert_eq!((failure.kind, failure.callback_code), (Kind::Callback, -7));
    assert_eq!(A::open(&path, OPEN).err().unwrap().kind, Kind::Format);
    assert!(!path.join("index.json").exists() && !path.join("oci-layout").exists());
    blobs.insert(ABC.to_owned(), lost);
    A::create(&path, index.as_bytes(), Some(&blobs)).unwrap();
    assert_clean(&path);
}

fn an_image_is_written_down_to_its_layers<A: Api>() {
    let (_from_scratch, from_path, from) = layout::<A>();
    let image = image(&from, "x");
    let blobs = all_blobs(&from_path);
    let (_scratch, path, layout) = layout::<A>();
    let before = index_json(&path);
    layout.write(&image, &blobs).unwrap();
    assert_eq!(all_blobs(&path), blobs);
    assert_eq!(index_json(&path), before, "index.json is not touched");
}

fn an_index_is_written_down_the_whole_tree<A: Api>() {
    let (top, blobs) = tree::<A>();
    let (_scratch, path, layout) = layout::<A>();
    let before = index_json(&path);
    layout.write(&top, &blobs).unwrap();
    assert_eq!(all_blobs(&path), blobs);
    assert_eq!(index_json(&path), before);
    assert_clean(&path);
}

fn what_is_there_is_not_read<A: Api>() {
    let (top, mut blobs) = tree::<A>();
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    let lost = blobs.remove(ABC).unwrap();
    layout.write(&top, &blobs).unwrap();
    // And what is there of the documents is looked into, for what is not.
    blobs.insert(ABC.to_owned(), lost);
    layout.remove_blob(ABC).unwrap();
    blobs.remove(top.digest().as_str());
    layout.write(&top, &blobs).unwrap();
    assert_eq!(std::fs::read(blob_path(&path, ABC)).unwrap(), b"abc");
}

fn a_lying_source_is_refused<A: Api>() {
    let (top, blobs) = tree::<A>();
    for digest in blobs.keys() {
        for lie in ["other", "longer", "shorter"] {
            let mut lies = blobs.clone();
            let blob = lies.get_mut(digest).unwrap();
            match lie {
                "other" => blob[0] ^= 1,
                "longer" => blob.push(b' '),
                _ => {
                    blob.pop();
                }
            }
            let (_scratch, path, layout) = layout::<A>();
            let failure = layout.write(&top, &lies).unwrap_err();
            assert_eq!(failure.kind, Kind::Digest, "{lie}: {}", failure.message);
            assert!(!blob_path(&path, digest).exists());
            assert!(!blob_path(&path, top.digest().as_str()).exists(), "children come first");
            assert_clean(&path);
        }
    }
}

fn a_corrupt_document_is_written_anew<A: Api>() {
    let (top, blobs) = tree::<A>();
    let (_scratch, path, layout) = layout::<A>();
    layout.write(&top, &blobs).unwrap();
    let document = blob_path(&path, top.digest().as_str());
    let mut corrupt = std::fs::read(&document).unwrap();
    corrupt[0] ^= 1;
    std::fs::write(&document, corrupt).unwrap();
    layout.write(&top, &blobs).unwrap();
    assert_eq!(all_blobs(&path), blobs);
}

fn a_blob_that_is_named_as_two_kinds_is_written_as_both<A: Api>() {
    let (_from_scratch, from_path, from) = layout::<A>();
    let image = image(&from, "x");
    let opaque = image.json().replace(MANIFEST, "a/b");
    let both = format!(r#"{{"schemaVersion":2,"manifests":[{opaque},{}]}}"#, image.json());
    let both = from.put_manifest(both.as_bytes(), None, false).unwrap();
    let (_scratch, path, layout) = layout::<A>();
    layout.write_from(&both, &from).unwrap();
    assert_eq!(all_blobs(&path), all_blobs(&from_path), "the layer too");
}

fn images_nest_only_so_deep<A: Api>() {
    let (_from_scratch, _from_path, from) = layout::<A>();
    let mut image = image(&from, "x");
    let config = from.children(&image).unwrap().remove(0);
    for _ in 0..40 {
        let json = format!(
            r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#,
            config.json(),
            image.json()
        );
        image = from.put_manifest(json.as_bytes(), Some(MANIFEST), false).unwrap();
    }
    let (_scratch, path, layout) = layout::<A>();
    let failure = layout.write_from(&image, &from).unwrap_err();
    assert_eq!(failure.kind, Kind::Format);
    assert!(failure.message.contains("nesting"), "{}", failure.message);
    assert_clean(&path);
}

fn a_corrupt_config_is_written_anew<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let image = image(&layout, "x");
    let blobs = all_blobs(&path);
    let config = layout.children(&image).unwrap().remove(0);
    let corrupt = || {
        let zeros = vec![0; usize::try_from(config.size()).unwrap()];
        std::fs::write(blob_path(&path, config.digest().as_str()), zeros).unwrap();
    };
    corrupt();
    layout.write(&image, &blobs).unwrap();
    assert_eq!(all_blobs(&path), blobs);
    corrupt();
    crate::fixture::image(&layout, "x");
    assert_eq!(all_blobs(&path), blobs, "building it anew mends it, too");
}

fn a_tree_is_copied_from_another_layout<A: Api>() {
    let (_from_scratch, from_path, from) = layout::<A>();
    let mut image = image(&from, "x");
    image.set_annotation("kept", Some("yes")).unwrap();
    from.append(&image, Some("x"), Append::default()).unwrap();
    let (_scratch, path, layout) = layout::<A>();
    let entry = from.resolve("x", None).unwrap();
    layout.write_from(&entry, &from).unwrap();
    layout.append(&entry, None, Append::default()).unwrap();
    assert_eq!(all_blobs(&path), all_blobs(&from_path));
    assert_eq!(layout.list(None).unwrap()[0].json(), entry.json(), "annotations, platform and all");
    let lost = layout.children(&entry).unwrap()[1].digest().to_string();
    from.remove_blob(&lost).unwrap();
    layout.write_from(&entry, &from).unwrap();
    layout.remove_blob(&lost).unwrap();
    assert_eq!(layout.write_from(&entry, &from).unwrap_err().kind, Kind::NotFound);
}

fn documents_are_stored_byte_for_byte<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let config = put(&layout, br#"{"architecture":"a","os":"o"}"#, CONFIG).descriptor;
    let layer = put(&layout, b"abc", LAYER).descriptor;
    let manifest = format!(
        "{{\n\t\"x\": 1.50, \"layers\":[{}], \"config\" :{},\n \"schemaVersion\":2}}\n\n",
        layer.json(),
        config.json()
    );
    let stored = layout.put_manifest(manifest.as_bytes(), None, false).unwrap();
    assert_eq!(stored.media_type().as_str(), MANIFEST);
    assert_eq!(stored.digest().as_str(), sha256(manifest.as_bytes()));
    let path = blob_path(&path, stored.digest().as_str());
    assert_eq!(std::fs::read_to_string(path).unwrap(), manifest);
}

fn references_must_be_there_unless_allowed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"{CONFIG}","digest":"{ABC}","size":3}},"layers":[]}}"#
    );
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"a/b","digest":"{ABC}","size":3}}]}}"#
    );
    let before = snapshot(&path);
    for document in [&manifest, &index] {
        let failure = layout.put_manifest(document.as_bytes(), None, false).unwrap_err();
        assert_eq!(failure.kind, Kind::NotFound);
        assert!(failure.message.contains(ABC), "{}", failure.message);
    }
    assert_eq!(snapshot(&path), before);
    for document in [&manifest, &index] {
        layout.put_manifest(document.as_bytes(), None, true).unwrap();
    }
}

fn a_document_is_one_kind_only<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    let blob = format!(r#"{{"mediaType":"a/b","digest":"{ABC}","size":3}}"#);
    let before = snapshot(&path);
    for (document, media_type) in [
        (r#"{"schemaVersion":2,"config":@,"layers":[],"manifests":[]}"#, None),
        (r#"{"schemaVersion":2,"config":@,"layers":[],"manifests":[]}"#, Some(MANIFEST)),
        (r#"{"schemaVersion":2,"config":@,"layers":[],"manifests":[]}"#, Some(INDEX)),
        (r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#, Some(INDEX)),
        (r#"{"schemaVersion":2,"manifests":[],"fsLayers":[]}"#, Some(INDEX)),
        (r#"{"schemaVersion":2,"manifests":[]}"#, Some(MANIFEST)),
        (r#"{"schemaVersion":2,"config":@,"layers":[]}"#, Some(INDEX)),
        (
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":@,"layers":[]}"#,
            None,
        ),
        (
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
            Some(MANIFEST),
        ),
        (r#"{"schemaVersion":2}"#, None),
        (r#"{"schemaVersion":1,"manifests":[]}"#, None),
        (r#"{"schemaVersion":2,"manifests":null}"#, Some(INDEX)),
        (r#"{"schemaVersion":2,"manifests":[]"#, None),
        ("[]", None),
        ("", None),
    ] {
        let document = document.replace('@', &blob);
        let failure = layout.put_manifest(document.as_bytes(), media_type, false).unwrap_err();
        assert_eq!(failure.kind, Kind::Format, "{document} as {media_type:?}: {}", failure.message);
    }
    for media_type in ["application/x-made-up", "no slash"] {
        let index = br#"{"schemaVersion":2,"manifests":[]}"#;
        let failure = layout.put_manifest(index, Some(media_type), false).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid);
    }
    assert_eq!(snapshot(&path), before);
}

fn an_empty_index_goes_into_a_fresh_layout<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let index = layout.index(&[], &[("k", "v")]).unwrap();
    layout.append(&index, Some("empty"), Append::default()).unwrap();
    assert_eq!(names(&path), ["empty"]);
    let json = std::fs::read_to_string(blob_path(&path, index.digest().as_str())).unwrap();
    let expected = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"annotations":{{"k":"v"}}}}"#
    );
    assert_eq!(json, expected);
}

fn artifacts_tell_their_type<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let blob = put(&layout, b"{}", "application/vnd.example.config").descriptor;
    let by_config =
        format!(r#"{{"schemaVersion":2,"config":{b},"layers":[{b}]}}"#, b = blob.json());
    let stored = layout.put_manifest(by_config.as_bytes(), None, false).unwrap();
    assert_eq!(stored.artifact_type().unwrap().as_str(), "application/vnd.example.config");
    let own = by_config.replace("\"config\":", "\"artifactType\":\"a/own\",\"config\":");
    let stored = layout.put_manifest(own.as_bytes(), None, false).unwrap();
    assert_eq!(stored.artifact_type().unwrap().as_str(), "a/own");
    assert!(image(&layout, "x").artifact_type().is_none());
}
