//! Transactions: many edits that become visible together.

use crate::api::{Api, Append, Flags, Kind, Matcher, OPEN};
use crate::both;
use crate::fixture::{
    OCTETS, assert_clean, blob_path, image, index_json, layout, names, put, sha256, snapshot,
};
use ocilayout::Descriptor;

both!(
    edits_become_visible_together,
    an_uncommitted_transaction_leaves_nothing,
    a_transaction_sees_its_own_edits,
    what_others_edit_meanwhile_stays,
    edits_are_made_on_what_is_there_at_the_commit,
    a_commit_can_ask_for_an_unchanged_index,
    a_committed_transaction_is_over,
    a_commit_that_failed_can_be_tried_again,
    names_that_could_not_be_given_are_given_later,
    a_function_is_asked_when_the_edit_is_made,
    transactions_do_not_nest,
    index_json_is_not_written_beside_a_transaction,
    many_transactions_lose_nothing,
    a_thousand_images_in_one_transaction,
);

fn add<A: Api>(layout: &A, name: &str) {
    layout.append(&image(layout, name), Some(name), Append::default()).unwrap();
}

fn listed<A: Api>(layout: &A) -> Vec<String> {
    let entries = layout.list(None).unwrap();
    entries.iter().map(|entry| entry.reference().unwrap().to_owned()).collect()
}

fn edits_become_visible_together<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for name in ["a", "b", "c"] {
        add(&layout, name);
    }
    let transaction = layout.begin().unwrap();
    add(&transaction, "d");
    let new = image(&transaction, "new");
    assert_eq!(transaction.replace(&Matcher::Name("b"), &new, Some("new")).unwrap(), 1);
    assert_eq!(transaction.remove(&Matcher::Name("a")).unwrap(), 1);
    assert_eq!(names(&path), ["a", "b", "c"]);
    assert_eq!(listed(&layout), ["a", "b", "c"]);
    transaction.commit().unwrap();
    assert_eq!(names(&path), ["new", "c", "d"]);
    assert_eq!(listed(&layout), ["new", "c", "d"]);
    assert_clean(&path);
}

fn an_uncommitted_transaction_leaves_nothing<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    add(&layout, "a");
    let before = index_json(&path);
    let transaction = layout.begin().unwrap();
    add(&transaction, "b");
    transaction.remove(&Matcher::Name("a")).unwrap();
    drop(transaction);
    assert_eq!(index_json(&path), before);
    add(&layout, "c");
    assert_eq!(names(&path), ["a", "c"]);
}

fn a_transaction_sees_its_own_edits<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    add(&layout, "a");
    let transaction = layout.begin().unwrap();
    add(&transaction, "b");
    add(&transaction, "b");
    assert_eq!(listed(&transaction), ["a", "b"], "the same entry is there once");
    assert!(transaction.resolve("b", Some("linux/amd64")).is_ok());
    assert_eq!(layout.resolve("b", None).unwrap_err().kind, Kind::NotFound);
    assert_eq!(transaction.remove(&Matcher::Name("b")).unwrap(), 1);
    assert_eq!(transaction.remove(&Matcher::Name("b")).unwrap(), 0);
    assert_eq!(listed(&transaction), ["a"]);
    // It sees what was there when it began, and no later edit of others.
    add(&layout, "c");
    assert_eq!(listed(&transaction), ["a"]);
}

fn what_others_edit_meanwhile_stays<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    add(&layout, "a");
    let (one, two) = (layout.begin().unwrap(), A::open(&path, OPEN).unwrap().begin().unwrap());
    add(&one, "one");
    add(&two, "two");
    one.remove(&Matcher::Name("a")).unwrap();
    add(&layout, "between");
    two.commit().unwrap();
    one.commit().unwrap();
    assert_eq!(names(&path), ["between", "two", "one"]);
    assert_clean(&path);
}

fn edits_are_made_on_what_is_there_at_the_commit<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    add(&layout, "x");
    let transaction = layout.begin().unwrap();
    let new = image(&transaction, "new");
    assert_eq!(transaction.replace(&Matcher::Name("x"), &new, Some("x")).unwrap(), 1);
    let other = image(&layout, "other");
    layout.replace(&Matcher::Name("x"), &other, Some("x")).unwrap();
    transaction.commit().unwrap();
    assert_eq!(names(&path), ["x"], "the entry of the other is replaced, and no second one added");
    assert_eq!(layout.resolve("x", None).unwrap().digest(), new.digest());
}

fn a_commit_can_ask_for_an_unchanged_index<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    add(&layout, "a");
    let described = layout.describe_index().unwrap();
    assert_eq!(described.digest().as_str(), sha256(index_json(&path).as_bytes()));
    assert_eq!(described.size(), index_json(&path).len() as u64);

    let transaction = layout.begin().unwrap();
    add(&transaction, "b");
    add(&layout, "other");
    let before = snapshot(&path);
    let failure = transaction.commit_if(described.digest().as_str()).unwrap_err();
    assert_eq!(failure.kind, Kind::Conflict);
    assert!(failure.message.contains(described.digest().as_str()), "{}", failure.message);
    assert_eq!(snapshot(&path), before);
    let now = layout.describe_index().unwrap();
    transaction.commit_if(now.digest().as_str()).unwrap();
    assert_eq!(names(&path), ["a", "other", "b"]);
}

fn a_committed_transaction_is_over<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let transaction = layout.begin().unwrap();
    add(&transaction, "a");
    transaction.commit().unwrap();
    let entry = image(&layout, "b");
    let all = Matcher::AllOf(vec![]);
    for failure in [
        transaction.commit().unwrap_err(),
        transaction.append(&entry, Some("b"), Append::default()).unwrap_err(),
        transaction.replace(&all, &entry, None).unwrap_err(),
        transaction.remove(&all).unwrap_err(),
        transaction.list(None).unwrap_err(),
    ] {
        assert_eq!(failure.kind, Kind::State);
        assert!(failure.message.contains("committed"), "{}", failure.message);
    }
    assert_eq!(names(&path), ["a"]);
}

fn a_commit_that_failed_can_be_tried_again<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let transaction = layout.begin().unwrap();
    add(&transaction, "a");
    let lost = image(&layout, "b");
    transaction.append(&lost, Some("b"), Append::default()).unwrap();
    let content = layout.read_blob(&lost, 10_000).unwrap();
    layout.remove_blob(lost.digest().as_str()).unwrap();
    let before = snapshot(&path);
    assert_eq!(transaction.commit().unwrap_err().kind, Kind::NotFound);
    assert_eq!(snapshot(&path), before, "all or nothing");
    layout.put_manifest(&content, None, false).unwrap();
    transaction.commit().unwrap();
    assert_eq!(names(&path), ["a", "b"]);
}

/// Blobs that are too large to wait in memory.
fn names_that_could_not_be_given_are_given_later<A: Api>() {
    for threads in [1, 4] {
        let (_scratch, path, layout) = layout::<A>();
        layout.set_threads(threads);
        let transaction = layout.begin().unwrap();
        let blobs: Vec<_> = (0..300)
            .map(|number| {
                let content = format!("{number:<17000}");
                put(&transaction, content.as_bytes(), OCTETS).descriptor.digest().to_string()
            })
            .collect();
        // Nothing can be given the name of a directory.
        let in_the_way = blob_path(&path, &blobs[150]);
        std::fs::create_dir(&in_the_way).unwrap();
        let failure = transaction.commit().unwrap_err();
        assert_eq!((failure.kind, failure.errno), (Kind::Io, libc::EISDIR));
        assert!(failure.message.contains(in_the_way.to_str().unwrap()), "{}", failure.message);
        std::fs::remove_dir(&in_the_way).unwrap();
        transaction.commit().unwrap();
        for digest in &blobs {
            let content = std::fs::read(blob_path(&path, digest)).unwrap();
            assert_eq!(sha256(&content), *digest);
        }
        drop((transaction, layout));
        assert_clean(&path);
    }
}

fn a_function_is_asked_when_the_edit_is_made<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for name in ["a", "b"] {
        add(&layout, name);
    }
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let transaction = layout.begin().unwrap();
    let everything = |_: &Descriptor| {
        asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        1
    };
    assert_eq!(transaction.remove(&Matcher::Function(&everything)).unwrap(), 2);
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2);
    add(&layout, "later");
    transaction.commit().unwrap();
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2, "and never again");
    assert_eq!(names(&path), ["later"], "what it was not asked about stays");

    let transaction = layout.begin().unwrap();
    let stops = |_: &Descriptor| -3;
    let failure = transaction.remove(&Matcher::Function(&stops)).unwrap_err();
    assert_eq!((failure.kind, failure.callback_code), (Kind::Callback, -3));
    let edits_itself = |entry: &Descriptor| {
        add(&transaction, "from-inside");
        i32::from(entry.reference() == Some("later"))
    };
    assert_eq!(transaction.remove(&Matcher::Function(&edits_itself)).unwrap(), 1);
    transaction.commit().unwrap();
    assert_eq!(names(&path), ["from-inside"]);
}

fn transactions_do_not_nest<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let transaction = layout.begin().unwrap();
    assert_eq!(transaction.begin().err().unwrap().kind, Kind::State);
    let reader = A::open(&path, Flags { read_only: true, ..OPEN }).unwrap();
    assert_eq!(reader.begin().err().unwrap().kind, Kind::State);
    std::fs::write(path.join("index.json"), "{").unwrap();
    assert_eq!(layout.begin().err().unwrap().kind, Kind::Format);
    assert_eq!(transaction.commit().unwrap_err().kind, Kind::Format);
    assert_eq!(index_json(&path), "{");
}

fn index_json_is_not_written_beside_a_transaction<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let transaction = layout.begin().unwrap();
    let index = br#"{"schemaVersion":2,"manifests":[]}"#;
    let before = snapshot(&path);
    assert_eq!(transaction.write_file("index.json", index).unwrap_err().kind, Kind::State);
    assert_eq!(snapshot(&path), before);
    transaction.write_file("notes", b"x").unwrap();
}

fn many_transactions_lose_nothing<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (path, layout, entry) = (&path, &layout, &entry);
            scope.spawn(move || {
                let own = A::open(path, OPEN).unwrap();
                for round in 0..10 {
                    let transaction = if round % 2 == 0 { own.begin() } else { layout.begin() };
                    let transaction = transaction.unwrap();
                    for part in ["left", "right"] {
                        let name = format!("n{n}-{round}-{part}");
                        transaction.append(entry, Some(&name), Append::default()).unwrap();
                    }
                    transaction.commit().unwrap();
                    // No reader sees one without the other.
                    assert_eq!(own.list(None).unwrap().len() % 2, 0);
                }
            });
        }
    });
    assert_eq!(names(&path).len(), 8 * 10 * 2);
    assert_clean(&path);
}

fn a_thousand_images_in_one_transaction<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = image(&layout, "x");
    let transaction = layout.begin().unwrap();
    let expected: Vec<String> = (0..1000).map(|n| format!("image{n}")).collect();
    for name in &expected {
        transaction.append(&entry, Some(name), Append::default()).unwrap();
    }
    transaction.commit().unwrap();
    assert_eq!(names(&path), expected);
}
