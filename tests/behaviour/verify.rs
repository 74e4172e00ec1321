//! Verifying: what is wrong with blobs.

use crate::api::{Api, Append, Finding, Flags, Matcher, OPEN, Options, Source, Verify};
use crate::both;
use crate::fixture::{
    ABC, ABC_512, CONFIG, LAYER, OCTETS, blob_path, descriptor, image, image_for, layout, put,
    snapshot, store, write_index,
};
use crate::hostile::for_each_kind;
use ocilayout::FindingKind::{self, Digest, Missing, Size, Unreadable};
use ocilayout::{Descriptor, REF_NAME};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

both!(
    a_sound_layout_has_no_findings,
    a_broken_layer_is_found,
    something_else_in_the_place_of_a_blob_is_found,
    a_missing_blob_is_told_with_all_that_points_at_it,
    a_broken_document_is_found_in_haste_too,
    blobs_that_nothing_points_at_are_hashed,
    foreign_digests_are_only_counted,
    a_sparse_layout_is_sound_if_it_may_be,
    subjects_may_be_absent_but_not_broken,
    links_are_followed_when_allowed,
    a_transaction_is_verified_as_it_sees_itself,
);

pub const QUICK: Verify = Verify { quick: true, missing_allowed: false };
pub const FULL: Verify = Verify { quick: false, missing_allowed: false };

/// Of what kind the findings are, and on what.
pub fn kinds(found: &[Finding]) -> Vec<(FindingKind, &Path)> {
    found.iter().map(|finding| (finding.kind, finding.path.as_path())).collect()
}

/// Verifies, and sees that this changes nothing and that the findings are sorted.
pub fn verify<A: Api>(path: &Path, how: Verify) -> Vec<Finding> {
    let before = snapshot(path);
    let layout = A::open(path, OPEN).unwrap();
    let found = layout.verify(how).unwrap();
    assert_eq!(snapshot(path), before);
    assert!(kinds(&found).is_sorted_by_key(|(kind, path)| (*path, *kind)), "{found:?}");
    assert_eq!(layout.verify(how).unwrap(), found, "the same again");
    found
}

pub fn place(digest: &str) -> PathBuf {
    blob_path(Path::new(""), digest)
}

/// Checks that there is one finding, and all that it says.
pub fn assert_one(found: &[Finding], kind: FindingKind, digest: &str, from: &[&str], says: &str) {
    let [one] = found else { panic!("expected one finding, found {found:#?}") };
    assert_eq!((one.kind, one.digest.as_deref()), (kind, Some(digest)), "{one:?}");
    assert_eq!(one.path, place(digest));
    let mut from = from.to_vec();
    from.sort_unstable();
    assert_eq!(one.referenced_from, from);
    let whole_path = one.message.contains(one.path.to_str().unwrap());
    assert!(whole_path && one.message.contains(says), "{}", one.message);
}

/// An image of one layer in a layout, named.
pub fn named_image<A: Api>(layout: &A, seed: &str) -> (Descriptor, Descriptor, Descriptor) {
    let image = image(layout, seed);
    layout.append(&image, Some("x"), Append::default()).unwrap();
    let [config, layer] = layout.children(&image).unwrap().try_into().unwrap();
    (image, config, layer)
}

fn a_sound_layout_has_no_findings<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    assert!(verify::<A>(&path, FULL).is_empty());
    let inner = layout.index(&[&image_for(&layout, "inner", "linux/arm64")], &[]).unwrap();
    let unknown = put(&layout, b"not even {", "application/x-made-up").descriptor;
    let top = layout.index(&[&image(&layout, "outer"), &inner, &unknown], &[]).unwrap();
    layout.append(&top, Some("x"), Append::default()).unwrap();
    let options = Options { algorithm: Some("sha512".to_owned()), ..Options::default() };
    let by_512 = layout.put(Source::Memory(b"abc"), &options).unwrap().descriptor;
    assert_eq!(by_512.digest().as_str(), ABC_512);
    layout.append(&by_512, Some("y"), Append::default()).unwrap();
    put(&layout, b"nothing points at this", OCTETS);
    fs::write(path.join("README"), "other files are nobody's business").unwrap();
    fs::create_dir(path.join(".cache")).unwrap();
    for (quick, missing_allowed) in [(false, false), (false, true), (true, false), (true, true)] {
        assert_eq!(verify::<A>(&path, Verify { quick, missing_allowed }), []);
    }
}

fn a_broken_layer_is_found<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (image, _, layer) = named_image(&layout, "x");
    let (digest, from) = (layer.digest().as_str(), [image.digest().as_str()]);
    let file = blob_path(&path, digest);
    let sound = fs::read(&file).unwrap();

    for (content, size) in [(&sound[..4], "found 4"), (&[&sound[..], b"!"].concat(), "found 8")] {
        fs::write(&file, content).unwrap();
        assert_one(&verify::<A>(&path, QUICK), Size, digest, &from, size);
        let found = verify::<A>(&path, FULL);
        let on = place(digest);
        assert_eq!(kinds(&found), [(Size, on.as_path()), (Digest, on.as_path())]);
    }
    let mut flipped = sound.clone();
    flipped[3] ^= 1;
    fs::write(&file, &flipped).unwrap();
    assert_eq!(verify::<A>(&path, QUICK), []);
    let expected = format!("expected digest {digest}, found {}", crate::fixture::sha256(&flipped));
    assert_one(&verify::<A>(&path, FULL), Digest, digest, &from, &expected);

    fs::write(&file, &sound).unwrap();
    assert_eq!(verify::<A>(&path, FULL), []);
}

fn something_else_in_the_place_of_a_blob_is_found<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (image, config, layer) = named_image(&layout, "x");
    let from_image = [image.digest().as_str()];
    for (blob, from) in [(&image, ["index.json"]), (&config, from_image), (&layer, from_image)] {
        let digest = blob.digest().as_str();
        let sound = fs::read(blob_path(&path, digest)).unwrap();
        for_each_kind(&blob_path(&path, digest), |kind| {
            for how in [FULL, QUICK, Verify { missing_allowed: true, ..FULL }] {
                let says = format!("expected a regular file, found a {kind}");
                assert_one(&verify::<A>(&path, how), Unreadable, digest, &from, &says);
            }
        });
        fs::write(blob_path(&path, digest), sound).unwrap();
    }
}

fn a_missing_blob_is_told_with_all_that_points_at_it<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let shared = put(&layout, b"abc", LAYER);
    let images = ["one", "two"].map(|label| {
        let layers = vec![(&shared, None, None), (&shared, None, None)];
        let labels: &[_] = &[("label", label)];
        let given = crate::api::Image {
            platform: Some("linux/amd64"),
            labels,
            layers,
            ..crate::api::Image::default()
        };
        layout.image(&given).unwrap()
    });
    let index = layout.index(&[&images[0]], &[]).unwrap();
    for entry in [&index, &images[1], &shared.descriptor] {
        layout.append(entry, None, Append::default()).unwrap();
    }
    layout.remove_blob(ABC).unwrap();
    let from = [images[0].digest().as_str(), images[1].digest().as_str(), "index.json"];
    for how in [FULL, QUICK] {
        assert_one(&verify::<A>(&path, how), Missing, ABC, &from, "expected a blob, found none");
    }
    layout.remove_blob(index.digest().as_str()).unwrap();
    let found = verify::<A>(&path, FULL);
    let (lost, index) = (place(ABC), place(index.digest().as_str()));
    let mut expected = [(Missing, lost.as_path()), (Missing, index.as_path())];
    expected.sort_by_key(|(_, path)| *path);
    assert_eq!(kinds(&found), expected);
    let lost = found.iter().find(|finding| finding.path == lost).unwrap();
    assert_eq!(lost.referenced_from.len(), 2, "the lost index does not say so any more");
}

fn a_broken_document_is_found_in_haste_too<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (image, config, _) = named_image(&layout, "x");
    let inner = layout.index(&[&image], &[]).unwrap();
    layout.append(&inner, Some("y"), Append::default()).unwrap();
    let (inner, image, config) = (inner.digest(), image.digest(), config.digest());
    for (digest, from) in [
        (inner, vec!["index.json"]),
        (image, vec![inner.as_str(), "index.json"]),
        (config, vec![image.as_str()]),
    ] {
        let file = blob_path(&path, digest.as_str());
        let sound = fs::read_to_string(&file).unwrap();
        fs::write(&file, sound.replacen('"', "'", 1)).unwrap();
        for how in [FULL, QUICK] {
            assert_one(&verify::<A>(&path, how), Digest, digest.as_str(), &from, "found sha256:");
        }
        fs::write(&file, sound).unwrap();
    }
}

fn blobs_that_nothing_points_at_are_hashed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    fs::write(blob_path(&path, ABC), "abd").unwrap();
    assert_one(&verify::<A>(&path, FULL), Digest, ABC, &[], "expected digest");
    assert_eq!(verify::<A>(&path, QUICK), []);
    for_each_kind(&blob_path(&path, ABC), |kind| {
        for how in [FULL, QUICK] {
            // Nothing at all is missed, and a link that is not followed is no file.
            assert_one(&verify::<A>(&path, how), Unreadable, ABC, &[], kind);
        }
    });
}

fn foreign_digests_are_only_counted<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let digest = format!("blake3:{}", "ab".repeat(32));
    let foreign = descriptor(OCTETS, &digest, 3);
    let document = descriptor(crate::fixture::MANIFEST, &digest.replace("ab", "cd"), 3);
    layout.append(&foreign, None, Append { missing_allowed: true, ..Append::default() }).unwrap();
    assert_one(&verify::<A>(&path, FULL), Missing, &digest, &["index.json"], "found none");
    fs::create_dir(path.join("blobs/blake3")).unwrap();
    fs::write(blob_path(&path, &digest), "abcd").unwrap();
    for how in [FULL, QUICK] {
        let says = "expected 3 bytes, found 4";
        assert_one(&verify::<A>(&path, how), Size, &digest, &["index.json"], says);
    }
    fs::write(blob_path(&path, &digest), "any").unwrap();
    fs::write(blob_path(&path, document.digest().as_str()), "any").unwrap();
    write_index(&path, &[&foreign, &document]);
    assert_eq!(verify::<A>(&path, FULL), [], "a document that cannot be hashed is not believed");
}

fn a_sparse_layout_is_sound_if_it_may_be<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (image, config, layer) = named_image(&layout, "x");
    let sparse = Verify { missing_allowed: true, ..FULL };
    for blob in [&layer, &config, &image] {
        layout.remove_blob(blob.digest().as_str()).unwrap();
        assert_eq!(verify::<A>(&path, sparse), []);
        assert_eq!(verify::<A>(&path, Verify { quick: true, ..sparse }), []);
        assert!(!verify::<A>(&path, FULL).is_empty());
    }
    // What is there must still be right.
    fs::write(blob_path(&path, config.digest().as_str()), "{}").unwrap();
    let found = verify::<A>(&path, sparse);
    assert_one(&found, Digest, config.digest().as_str(), &[], "expected digest");
}

fn subjects_may_be_absent_but_not_broken<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let config = store(&path, "{}", "application/vnd.oci.empty.v1+json");
    let subject = image(&layout, "subject");
    let of_subject = layout.children(&subject).unwrap();
    let manifest = crate::fixture::manifest_of(&config, &[]);
    let with_subject =
        format!("{},\"subject\":{}}}", &manifest[..manifest.len() - 1], subject.json());
    let referrer = store(&path, with_subject, crate::fixture::MANIFEST);
    write_index(&path, &[&referrer]);
    assert_eq!(verify::<A>(&path, FULL), []);

    let file = blob_path(&path, subject.digest().as_str());
    let sound = fs::read_to_string(&file).unwrap();
    fs::write(&file, sound.replacen('2', "3", 1)).unwrap();
    let from = [referrer.digest().as_str()];
    assert_one(&verify::<A>(&path, FULL), Digest, subject.digest().as_str(), &from, "digest");
    fs::write(&file, &sound).unwrap();

    let layer = of_subject[1].digest().as_str();
    layout.remove_blob(layer).unwrap();
    let from = [subject.digest().as_str()];
    assert_one(&verify::<A>(&path, FULL), Missing, layer, &from, "found none");
    layout.remove_blob(subject.digest().as_str()).unwrap();
    assert_eq!(verify::<A>(&path, FULL), []);
    // It may not be absent where something else needs it.
    write_index(&path, &[&referrer, &subject]);
    let from = [referrer.digest().as_str(), "index.json"];
    assert_one(&verify::<A>(&path, FULL), Missing, subject.digest().as_str(), &from, "none");
}

fn links_are_followed_when_allowed<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let (image, _, layer) = named_image(&layout, "x");
    let (digest, from) = (layer.digest().as_str(), [image.digest().as_str()]);
    let elsewhere = scratch.path().join("elsewhere");
    fs::rename(blob_path(&path, digest), &elsewhere).unwrap();
    symlink(&elsewhere, blob_path(&path, digest)).unwrap();
    assert_one(&verify::<A>(&path, FULL), Unreadable, digest, &from, "a symbolic link");
    let allowed = A::open(&path, Flags { symlinked_blobs: true, ..OPEN }).unwrap();
    assert_eq!(allowed.verify(FULL).unwrap(), []);
    fs::write(&elsewhere, "layer y").unwrap();
    assert_one(&allowed.verify(FULL).unwrap(), Digest, digest, &from, "expected digest");
    fs::remove_file(&elsewhere).unwrap();
    assert_one(&allowed.verify(FULL).unwrap(), Missing, digest, &from, "found none");
}

fn a_transaction_is_verified_as_it_sees_itself<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (image, config, layer) = named_image(&layout, "x");
    let transaction = layout.begin().unwrap();
    transaction.remove(&Matcher::Annotation(REF_NAME, "x")).unwrap();
    for blob in [&image, &config, &layer] {
        transaction.remove_blob(blob.digest().as_str()).unwrap();
    }
    assert_eq!(transaction.verify(FULL).unwrap(), []);
    assert_eq!(config.media_type().as_str(), CONFIG);
    let from = ["index.json"];
    assert_one(&verify::<A>(&path, FULL), Missing, image.digest().as_str(), &from, "none");
    transaction.commit().unwrap();
    assert_eq!(verify::<A>(&path, FULL), []);
}
