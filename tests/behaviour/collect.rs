//! Garbage collection.

use crate::api::{Api, Append, CREATE, Flags, Kind, Matcher, OPEN, Options, Source};
use crate::both;
use crate::fixture::{
    ABC, ABC_512, CONFIG, INDEX, MANIFEST, OCTETS, assert_clean, blob_path, image, layout, names,
    put, snapshot,
};
use ocilayout::{Descriptor, Fate};
use std::collections::BTreeMap;
use std::path::Path;

both!(
    what_nothing_points_at_is_removed,
    a_dry_run_removes_nothing,
    what_a_living_writer_has_put_stays,
    what_a_transaction_has_put_stays,
    what_is_young_stays,
    referrers_of_what_stays_stay,
    what_cannot_be_judged_stays,
    what_a_foreign_document_leads_to_stays,
    garbage_that_names_itself_goes,
    a_document_that_cannot_be_trusted_stops_it,
    what_is_missing_does_not_stop_it,
    it_is_refused_where_nothing_may_be_removed,
    garbage_in_garbage_goes_with_it,
);

/// Puts things through a handle of its own, which has gone when this returns.
fn put_by_another<A: Api, T>(path: &Path, act: impl FnOnce(&A) -> T) -> T {
    act(&A::open(path, OPEN).unwrap())
}

fn all_with(fates: &BTreeMap<String, Fate>, fate: Fate) -> Vec<&str> {
    fates.iter().filter(|(_, is)| **is == fate).map(|(digest, _)| digest.as_str()).collect()
}

fn what_nothing_points_at_is_removed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (kept, lost) = put_by_another(&path, |other: &A| {
        let kept = image(other, "kept");
        other.append(&kept, Some("kept"), Append::default()).unwrap();
        let lost = image(other, "lost");
        other.append(&lost, Some("lost"), Append::default()).unwrap();
        other.remove(&Matcher::Name("lost")).unwrap();
        (kept, lost)
    });
    let before = std::fs::read_dir(path.join("blobs/sha256")).unwrap().count();
    let fates = layout.collect(0, false).unwrap();
    assert_eq!(fates.len(), before);
    assert_eq!(fates[lost.digest().as_str()], Fate::Removed);
    assert_eq!(fates[kept.digest().as_str()], Fate::Referenced);
    for (digest, fate) in &fates {
        assert_eq!(blob_path(&path, digest).exists(), *fate != Fate::Removed, "{digest}");
    }
    for child in layout.children(&kept).unwrap() {
        layout.read_blob(&child, 10_000).unwrap();
    }
    assert!(layout.unreferenced().unwrap().is_empty());
    assert_clean(&path);
    let again = layout.collect(0, false).unwrap();
    assert_eq!(all_with(&again, Fate::Referenced).len(), again.len());
}

fn a_dry_run_removes_nothing<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put_by_another(&path, |other: &A| image(other, "lost"));
    let before = snapshot(&path);
    let told = layout.collect(0, true).unwrap();
    assert_eq!(all_with(&told, Fate::Removed).len(), 3);
    assert_eq!(snapshot(&path), before);
    let reader = A::open(&path, Flags { read_only: true, ..OPEN }).unwrap();
    assert_eq!(reader.collect(0, true).unwrap(), told);
    assert_eq!(layout.collect(0, false).unwrap(), told);
}

fn what_a_living_writer_has_put_stays<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let writer = A::open(&path, OPEN).unwrap();
    let entry = image(&writer, "x");
    // What he has found counts as well as what he has made.
    let found = put_by_another(&path, |other: &A| put(other, b"abc", OCTETS));
    writer.put(Source::Memory(b"abc"), &Options::default()).unwrap();
    let fates = layout.collect(0, false).unwrap();
    assert_eq!(all_with(&fates, Fate::Leased).len(), 4, "{fates:?}");
    writer.append(&entry, Some("x"), Append::default()).unwrap();
    layout.collect(0, false).unwrap();
    drop(writer);
    let fates = layout.collect(0, false).unwrap();
    assert_eq!(all_with(&fates, Fate::Removed), [found.descriptor.digest().as_str()]);
    assert_eq!(layout.children(&entry).unwrap().len(), 2);
    assert_clean(&path);
}

fn what_a_transaction_has_put_stays<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    put_by_another(&path, |other: &A| image(other, "x"));
    put_by_another(&path, |other: &A| put(other, b"abc", OCTETS));
    let transaction = layout.begin().unwrap();
    // What is found by its name is in blobs/ already, and only the lease keeps it.
    let named = Options { digest: Some(ABC.to_owned()), size: Some(3), ..Options::default() };
    transaction.put(Source::Memory(b"not read"), &named).unwrap();
    // Of what is given the transaction has its own, whatever becomes of the other's.
    let entry = image(&transaction, "x");
    transaction.append(&entry, Some("x"), Append::default()).unwrap();
    let other = A::open(&path, OPEN).unwrap();
    let fates = other.collect(0, false).unwrap();
    assert_eq!(all_with(&fates, Fate::Leased), [ABC], "{fates:?}");
    transaction.commit().unwrap();
    drop(transaction);
    let fates = other.collect(0, false).unwrap();
    assert_eq!(all_with(&fates, Fate::Referenced).len(), 3, "{fates:?}");
    assert_eq!(other.children(&entry).unwrap().len(), 2);
    assert_eq!(names(&path), ["x"]);
    let rolled_back = layout.begin().unwrap();
    image(&rolled_back, "y");
    drop(rolled_back);
    assert_eq!(other.collect(0, false).unwrap().len(), 3, "what was staged is gone by itself");
}

fn what_is_young_stays<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let lost = put_by_another(&path, |other: &A| put(other, b"abc", OCTETS));
    let digest = lost.descriptor.digest().as_str();
    assert_eq!(layout.collect(3600, false).unwrap()[digest], Fate::Young);
    assert_eq!(layout.collect(0, false).unwrap()[digest], Fate::Removed);
    assert!(!blob_path(&path, digest).exists());
}

/// A manifest about another one, with what it holds.
fn referrer<A: Api>(layout: &A, subject: &Descriptor, content: &str) -> Descriptor {
    let config = put(layout, b"{}", CONFIG).descriptor;
    let layer = put(layout, content.as_bytes(), OCTETS).descriptor;
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"application/x",
            "config":{},"layers":[{}],"subject":{}}}"#,
        config.json(),
        layer.json(),
        subject.json()
    );
    layout.put_manifest(manifest.as_bytes(), None, false).unwrap()
}

fn referrers_of_what_stays_stay<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (signature, about_the_signature, orphan) = put_by_another(&path, |other: &A| {
        let kept = image(other, "kept");
        other.append(&kept, Some("kept"), Append::default()).unwrap();
        let signature = referrer(other, &kept, "a signature");
        let about_it = referrer(other, &signature, "about the signature");
        let lost = image(other, "lost");
        (signature, about_it, referrer(other, &lost, "of the lost"))
    });
    let fates = layout.collect(0, false).unwrap();
    for document in [&signature, &about_the_signature] {
        assert_eq!(fates[document.digest().as_str()], Fate::Referrer);
        for child in layout.children(document).unwrap() {
            assert!(blob_path(&path, child.digest().as_str()).exists());
        }
    }
    assert_eq!(fates[orphan.digest().as_str()], Fate::Removed);
}

fn what_cannot_be_judged_stays<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    std::fs::create_dir(path.join("blobs/blake3")).unwrap();
    std::fs::write(path.join("blobs/blake3/abcd"), "foreign").unwrap();
    std::fs::write(path.join("blobs/sha256/junk"), "junk").unwrap();
    std::fs::write(path.join("blobs/junk"), "junk").unwrap();
    std::fs::create_dir(blob_path(&path, ABC)).unwrap();
    put_by_another(&path, |other: &A| {
        let options = Options { algorithm: Some("sha512".into()), ..Options::default() };
        other.put(Source::Memory(b"abc"), &options).unwrap();
    });
    let before = snapshot(&path);
    let fates = layout.collect(0, false).unwrap();
    let expected = [("blake3:abcd".to_owned(), Fate::Foreign), (ABC_512.to_owned(), Fate::Removed)];
    assert_eq!(fates, expected.into());
    let mut after = before;
    let removed = blob_path(Path::new(""), ABC_512);
    after.remove(&removed).unwrap();
    assert_eq!(snapshot(&path), after);
}

/// An index whose digest nobody here can compute is believed, down to the last blob.
fn what_a_foreign_document_leads_to_stays<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let image = put_by_another(&path, |other: &A| image(other, "x"));
    let nested =
        format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, image.json());
    std::fs::create_dir(path.join("blobs/blake3")).unwrap();
    std::fs::write(path.join("blobs/blake3/abcd"), &nested).unwrap();
    let entry =
        format!(r#"{{"mediaType":"{INDEX}","digest":"blake3:abcd","size":{}}}"#, nested.len());
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#);
    std::fs::write(path.join("index.json"), index).unwrap();
    let before = snapshot(&path);
    let fates = layout.collect(0, false).unwrap();
    assert_eq!(all_with(&fates, Fate::Referenced).len(), 4, "{fates:?}");
    assert!(layout.unreferenced().unwrap().is_empty());
    assert_eq!(snapshot(&path), before);

    for (content, kind) in [("no document", Kind::Format), ("{}", Kind::Format)] {
        std::fs::write(path.join("blobs/blake3/abcd"), content).unwrap();
        let before = snapshot(&path);
        assert_eq!(layout.collect(0, false).unwrap_err().kind, kind, "{content}");
        assert_eq!(snapshot(&path), before);
    }
    std::fs::remove_file(path.join("blobs/blake3/abcd")).unwrap();
    let fates = layout.collect(0, false).unwrap();
    assert_eq!(all_with(&fates, Fate::Removed).len(), 3, "it is missing: {fates:?}");
}

/// Torn content can name anything, also what names it.
fn garbage_that_names_itself_goes<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let names = |digest: &str| format!(r#"{{"config":{{"digest":"{digest}"}},"layers":[]}}"#);
    let others = ["a", "b"].map(|digit| format!("sha256:{}", digit.repeat(64)));
    std::fs::write(blob_path(&path, ABC), names(ABC)).unwrap();
    std::fs::write(blob_path(&path, &others[0]), names(&others[1])).unwrap();
    std::fs::write(blob_path(&path, &others[1]), names(&others[0])).unwrap();
    let fates = layout.collect(0, false).unwrap();
    assert_eq!(all_with(&fates, Fate::Removed).len(), 3, "{fates:?}");
    assert_eq!(std::fs::read_dir(path.join("blobs/sha256")).unwrap().count(), 0);
}

fn a_document_that_cannot_be_trusted_stops_it<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = put_by_another(&path, |other: &A| {
        let entry = image(other, "x");
        other.append(&entry, Some("x"), Append::default()).unwrap();
        put(other, b"abc", OCTETS);
        entry
    });
    let manifest = blob_path(&path, entry.digest().as_str());
    let content = std::fs::read(&manifest).unwrap();
    std::fs::write(&manifest, String::from_utf8(content).unwrap().replace("sha256", "sha512"))
        .unwrap();
    let before = snapshot(&path);
    assert_eq!(layout.collect(0, false).unwrap_err().kind, Kind::Digest);
    assert_eq!(snapshot(&path), before);
}

fn what_is_missing_does_not_stop_it<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (entry, lost) = put_by_another(&path, |other: &A| {
        let entry = image(other, "x");
        other.append(&entry, Some("x"), Append::default()).unwrap();
        (entry, put(other, b"abc", OCTETS))
    });
    let gone = image(&layout, "gone");
    layout.append(&gone, Some("gone"), Append::default()).unwrap();
    std::fs::remove_file(blob_path(&path, gone.digest().as_str())).unwrap();
    let fates = layout.collect(0, false).unwrap();
    assert_eq!(fates[lost.descriptor.digest().as_str()], Fate::Removed);
    assert_eq!(fates[entry.digest().as_str()], Fate::Referenced);
}

fn it_is_refused_where_nothing_may_be_removed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let reader = A::open(&path, Flags { read_only: true, ..OPEN }).unwrap();
    let transaction = layout.begin().unwrap();
    for failure in [
        reader.collect(0, false).unwrap_err(),
        transaction.collect(0, false).unwrap_err(),
        transaction.collect(0, true).unwrap_err(),
    ] {
        assert_eq!(failure.kind, Kind::State);
    }
}

/// More than one part, and nested.
fn garbage_in_garbage_goes_with_it<A: Api>() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("layout");
    drop(A::open(&path, CREATE).unwrap());
    put_by_another(&path, |other: &A| {
        for n in 0..200 {
            image(other, &format!("image {n}"));
        }
    });
    let layout = A::open(&path, OPEN).unwrap();
    let fates = layout.collect(0, false).unwrap();
    assert!(fates.len() > 400);
    assert_eq!(all_with(&fates, Fate::Removed).len(), fates.len());
    assert_eq!(std::fs::read_dir(path.join("blobs/sha256")).unwrap().count(), 0);
}
