//! Verifying: what is wrong with documents whose digest is right.

use crate::api::{Api, Append};
use crate::both;
use crate::fixture::{
    ABC, CONFIG, INDEX, LAYER, MANIFEST, OCTETS, descriptor, image, index_of, layout, manifest_of,
    put, store, write_index,
};
use crate::verify::{FULL, QUICK, assert_one, verify};
use ocilayout::Descriptor;
use ocilayout::FindingKind::{Contradictory, Malformed};
use std::fs;
use std::time::{Duration, Instant};

both!(
    malformed_documents_are_found,
    a_huge_document_is_not_read,
    what_documents_say_of_themselves_must_be_so,
    what_is_said_of_a_blob_must_agree,
    embedded_data_must_be_the_content,
    a_config_must_be_one_of_as_many_layers,
    indexes_nest_only_so_deep,
    what_is_shared_is_read_once,
    a_long_chain_of_subjects_is_followed,
);

const EMPTY: &str = "application/vnd.oci.empty.v1+json";

fn malformed_documents_are_found<A: Api>() {
    let (_scratch, path, _layout) = layout::<A>();
    let empty = store(&path, "{}", EMPTY);
    for (media_type, bad) in [
        (MANIFEST, ""),
        (MANIFEST, "[]"),
        (MANIFEST, "\u{feff}{}"),
        (MANIFEST, r#"{"schemaVersion":2,"config":@}"#),
        (MANIFEST, r#"{"schemaVersion":1,"config":@,"layers":[]}"#),
        (MANIFEST, r#"{"schemaVersion":2,"config":@,"layers":[],"manifests":[]}"#),
        (MANIFEST, r#"{"schemaVersion":2,"config":@,"layers":[{}]}"#),
        (MANIFEST, r#"{"schemaVersion":2,"config":@,"layers":[],"layers":[]}"#),
        (MANIFEST, r#"{"schemaVersion":2,"config":@,"layers":[]} trailing"#),
        (INDEX, r#"{"schemaVersion":2}"#),
        (INDEX, r#"{"schemaVersion":2,"manifests":[],"config":@}"#),
        (
            INDEX,
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:../x","size":1}]}"#,
        ),
    ] {
        let bad = store(&path, bad.replace('@', empty.json()), media_type);
        write_index(&path, &[&bad]);
        for how in [FULL, QUICK] {
            let (found, digest) = (verify::<A>(&path, how), bad.digest().as_str());
            assert_one(&found, Malformed, digest, &["index.json"], "");
        }
    }
    // As go-containerregistry writes an index without entries.
    let null = store(&path, r#"{"schemaVersion":2,"manifests":null}"#, INDEX);
    write_index(&path, &[&null]);
    assert_eq!(verify::<A>(&path, FULL), []);
}

fn a_huge_document_is_not_read<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let size = (64 << 20) + 1;
    let huge = store(&path, vec![b' '; size], MANIFEST);
    write_index(&path, &[&huge]);
    for how in [FULL, QUICK] {
        let says = "expected at most 67108864 bytes, found more";
        let found = layout.verify(how).unwrap();
        assert_one(&found, Malformed, huge.digest().as_str(), &["index.json"], says);
    }
}

fn what_documents_say_of_themselves_must_be_so<A: Api>() {
    const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
    let (_scratch, path, layout) = layout::<A>();
    let image = image(&layout, "x");
    let index = layout.index(&[&image], &[]).unwrap();
    for (document, named) in [(&image, INDEX), (&image, DOCKER), (&index, MANIFEST)] {
        let digest = document.digest().as_str();
        let size = usize::try_from(document.size()).unwrap();
        write_index(&path, &[&descriptor(named, digest, size)]);
        for how in [FULL, QUICK] {
            let says =
                format!("expected mediaType \"{named}\", found \"{}\"", document.media_type());
            assert_one(&verify::<A>(&path, how), Contradictory, digest, &["index.json"], &says);
        }
    }
}

fn what_is_said_of_a_blob_must_agree<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let abc = put(&layout, b"abc", OCTETS).descriptor;
    let other_type = descriptor(LAYER, ABC, 3);
    write_index(&path, &[&abc, &other_type]);
    assert_eq!(verify::<A>(&path, FULL), [], "content may be called by several names");

    write_index(&path, &[&abc, &descriptor(OCTETS, ABC, 4)]);
    let from = ["index.json"];
    for how in [FULL, QUICK] {
        let says = "expected one size wherever it is named, found 3 and 4";
        assert_one(&verify::<A>(&path, how), Contradictory, ABC, &from, says);
    }

    // An image that is plain content elsewhere.
    let image = image(&layout, "x");
    let size = usize::try_from(image.size()).unwrap();
    let opaque = descriptor(OCTETS, image.digest().as_str(), size);
    let index = store(&path, index_of(&[&opaque]), INDEX);
    write_index(&path, &[&image, &index]);
    let from = [index.digest().as_str(), "index.json"];
    let says = format!("media type wherever it is named, found {OCTETS} and {MANIFEST}");
    let digest = image.digest().as_str();
    assert_one(&verify::<A>(&path, FULL), Contradictory, digest, &from, &says);
}

fn embedded_data_must_be_the_content<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    let with_data = |data: &str| {
        let json =
            format!(r#"{{"mediaType":"{OCTETS}","digest":"{ABC}","size":3,"data":"{data}"}}"#);
        Descriptor::parse(json.as_bytes()).unwrap()
    };
    write_index(&path, &[&with_data("YWJj")]);
    assert_eq!(verify::<A>(&path, FULL), []);
    for bad in ["YWJk", "YWJjYQ==", "", "not base64!"] {
        write_index(&path, &[&with_data(bad)]);
        let found = verify::<A>(&path, QUICK);
        assert_one(&found, Contradictory, ABC, &["index.json"], "descriptor: data: ");
    }
}

fn a_config_must_be_one_of_as_many_layers<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let layer = put(&layout, b"abc", LAYER).descriptor;
    let config = |diff_ids: &str| {
        format!(
            r#"{{"architecture":"a","os":"b","rootfs":{{"type":"layers","diff_ids":[{diff_ids}]}}}}"#
        )
    };
    let diff_id = format!("\"{ABC}\"");
    for (config, kind, says) in [
        (config(""), Contradictory, "diff ID for each of 1 layers, found 0"),
        (config(&format!("{diff_id},{diff_id}")), Contradictory, "of 1 layers, found 2"),
        (config("1"), Malformed, "image config"),
        ("[]".to_owned(), Malformed, "expected an object"),
    ] {
        let config = store(&path, config, CONFIG);
        let manifest = store(&path, manifest_of(&config, &[&layer]), MANIFEST);
        write_index(&path, &[&manifest]);
        for how in [FULL, QUICK] {
            let (found, from) = (verify::<A>(&path, how), [manifest.digest().as_str()]);
            assert_one(&found, kind, config.digest().as_str(), &from, says);
        }
    }
    // The same config is right in one image and wrong in another.
    let config = store(&path, config(&diff_id), CONFIG);
    let right = store(&path, manifest_of(&config, &[&layer]), MANIFEST);
    let wrong = store(&path, manifest_of(&config, &[]), MANIFEST);
    write_index(&path, &[&right]);
    assert_eq!(verify::<A>(&path, FULL), []);
    write_index(&path, &[&right, &wrong]);
    let from = [right.digest().as_str(), wrong.digest().as_str()];
    let found = verify::<A>(&path, FULL);
    assert_one(&found, Contradictory, config.digest().as_str(), &from, "of 0 layers, found 1");
    // A config of no known type says nothing of layers.
    let other = store(&path, "{}", "application/x-config");
    write_index(&path, &[&store(&path, manifest_of(&other, &[&layer]), MANIFEST)]);
    assert_eq!(verify::<A>(&path, FULL), []);
}

fn indexes_nest_only_so_deep<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let mut chain = vec![image(&layout, "x")];
    for _ in 0..33 {
        chain.push(store(&path, index_of(&[chain.last().unwrap()]), INDEX));
    }
    write_index(&path, &[&chain[32]]);
    assert_eq!(verify::<A>(&path, FULL), []);
    write_index(&path, &[&chain[33]]);
    for how in [FULL, QUICK] {
        let (found, from) = (verify::<A>(&path, how), [chain[2].digest().as_str()]);
        let says = "expected at most 32 levels of nesting, found more";
        assert_one(&found, Malformed, chain[1].digest().as_str(), &from, says);
    }
    // Named from above as well, it does not stand so deep.
    write_index(&path, &[&chain[33], &chain[20]]);
    assert_eq!(verify::<A>(&path, FULL), []);
}

/// There are 2^30 ways to the image.
fn what_is_shared_is_read_once<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let image = image(&layout, "x");
    let mut two = [image.clone(), image.clone()];
    for level in 0..30 {
        two = ["left", "right"].map(|side| {
            let index = index_of(&[&two[0], &two[1]]);
            let annotated = index.replacen('{', &format!("{{\"x-{side}\":{level},"), 1);
            store(&path, annotated, INDEX)
        });
    }
    write_index(&path, &[&two[0], &two[1]]);
    let begun = Instant::now();
    assert_eq!(verify::<A>(&path, FULL), []);
    let layer = layout.children(&image).unwrap()[1].digest().to_string();
    layout.remove_blob(&layer).unwrap();
    assert_eq!(verify::<A>(&path, FULL).len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(60));
}

fn a_long_chain_of_subjects_is_followed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let empty = put(&layout, b"{}", EMPTY).descriptor;
    let last_layer = put(&layout, b"the last", OCTETS).descriptor;
    let first =
        layout.put_manifest(manifest_of(&empty, &[&last_layer]).as_bytes(), None, false).unwrap();
    let mut last = first.clone();
    for _ in 0..1000 {
        let manifest = manifest_of(&empty, &[]);
        let subject = format!(",\"subject\":{}}}", last.json());
        let json = manifest[..manifest.len() - 1].to_owned() + &subject;
        last = layout.put_manifest(json.as_bytes(), None, false).unwrap();
    }
    layout.append(&last, Some("x"), Append::default()).unwrap();
    assert_eq!(layout.verify(FULL).unwrap(), []);
    fs::remove_file(crate::fixture::blob_path(&path, last_layer.digest().as_str())).unwrap();
    let found = layout.verify(FULL).unwrap();
    let (digest, from) = (last_layer.digest().as_str(), [first.digest().as_str()]);
    assert_one(&found, ocilayout::FindingKind::Missing, digest, &from, "found none");
}
