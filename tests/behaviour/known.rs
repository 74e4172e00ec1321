//! What an open layout knows of `index.json`: whoever changes that is noticed, and
//! many entries cost no more than they must.

use crate::api::{Api, Append, CREATE, Kind, Matcher, OPEN};
use crate::both;
use crate::fixture::{ABC, MANIFEST, descriptor, index_json, layout, names, store, write_index};
use crate::mounts::Disk;
use ocilayout::Descriptor;
use serde_json::json;
use std::fs::{File, FileTimes};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

both!(
    other_handles_are_noticed,
    other_processes_are_noticed,
    what_is_renamed_over_is_noticed,
    what_is_overwritten_in_the_same_instant_is_noticed,
    what_is_overwritten_where_times_are_whole_seconds_is_noticed,
    what_is_overwritten_long_after_is_noticed,
    an_edit_keeps_what_was_overwritten,
    an_index_that_goes_and_comes_back_is_noticed,
    an_index_to_be_mended_is_known_as_it_is,
    names_and_digests_are_found_after_every_edit,
    a_list_says_what_was_there_while_the_index_changes,
    texts_with_escapes_mean_what_they_say,
    a_malformed_platform_is_refused_when_the_index_is_read,
    a_name_is_moved_again_and_again,
    a_hundred_thousand_entries,
    the_same_twice_in_a_large_transaction,
    threads_read_while_others_edit,
);

const ANYWAY: Append = Append { missing_allowed: true, duplicate: false };

fn named(name: &str) -> Descriptor {
    numbered(name, 2)
}

fn numbered(name: &str, size: usize) -> Descriptor {
    let mut entry = descriptor(MANIFEST, ABC, size);
    entry.set_annotation("org.opencontainers.image.ref.name", Some(name)).unwrap();
    entry
}

/// Another digest for each number.
fn digest(n: usize) -> String {
    format!("sha256:{n:064x}")
}

/// Overwrites a file where it stands, and sets its time of writing back.
fn overwrite(path: &Path, content: &str) {
    let mut file = File::options().write(true).open(path).unwrap();
    let written = file.metadata().unwrap().modified().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file.set_times(FileTimes::new().set_modified(written)).unwrap();
}

/// Writes an index of entries in these very words.
fn write_entries(layout: &Path, entries: &str) {
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
    std::fs::write(layout.join("index.json"), index).unwrap();
}

/// The text of the index, in which an entry is called otherwise.
fn renamed(layout: &Path, from: &str, to: &str) -> String {
    index_json(layout).replace(&format!("\"{from}\""), &format!("\"{to}\""))
}

fn assert_only<A: Api>(layout: &A, name: &str, gone: &str) {
    assert_eq!(layout.resolve(name, None).unwrap().reference(), Some(name));
    assert_eq!(layout.resolve(gone, None).unwrap_err().kind, Kind::NotFound);
    let list = layout.list(None).unwrap();
    assert_eq!(list.iter().map(Descriptor::reference).collect::<Vec<_>>(), [Some(name)]);
}

fn other_handles_are_noticed<A: Api>() {
    let (_scratch, path, one) = layout::<A>();
    let two = A::open(&path, OPEN).unwrap();
    for n in 0..50 {
        let name = format!("n{n}");
        one.append(&numbered(&name, n), Some(&name), ANYWAY).unwrap();
        two.append(&numbered(&name, n), Some(&name), ANYWAY).unwrap();
        assert_eq!(two.list(None).unwrap().len(), 1, "the same entry is there once");
        assert_eq!(two.remove(&Matcher::Name(&name)).unwrap(), 1);
        assert_eq!(one.resolve(&name, None).unwrap_err().kind, Kind::NotFound);
    }
    assert_eq!(names(&path), [""; 0]);
}

fn other_processes_are_noticed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for (name, gone) in [("a", "b"), ("b", "a"), ("a", "b")] {
        layout.remove(&Matcher::Not(Box::new(Matcher::Name(name)))).unwrap();
        layout.append(&named(gone), Some(gone), ANYWAY).unwrap();
        let rename = format!("s/\"{gone}\"/\"{name}\"/");
        let sed = Command::new("sed").args(["-i", &rename]).arg(path.join("index.json")).status();
        assert!(sed.unwrap().success());
        assert_eq!(layout.resolve(gone, None).unwrap_err().kind, Kind::NotFound);
        layout.remove(&Matcher::Name(name)).unwrap();
        assert_eq!(index_json(&path).matches("ref.name").count(), 0);
    }
}

fn what_is_renamed_over_is_noticed<A: Api>() {
    let (scratch, path, layout) = layout::<A>();
    let (other, index) = (scratch.path().join("other"), path.join("index.json"));
    for n in 0..200 {
        let (name, gone) = if n % 2 == 0 { ("a", "b") } else { ("b", "a") };
        layout.remove(&Matcher::Name(name)).unwrap();
        layout.append(&named(gone), Some(gone), ANYWAY).unwrap();
        let old = File::open(&index).unwrap().metadata().unwrap();
        std::fs::write(&other, renamed(&path, gone, name)).unwrap();
        let times = FileTimes::new().set_modified(old.modified().unwrap());
        File::options().write(true).open(&other).unwrap().set_times(times).unwrap();
        std::fs::rename(&other, &index).unwrap();
        assert_only(&layout, name, gone);
    }
}

/// Overwrites the index again and again, and looks each time.
fn assert_overwriting_is_noticed<A: Api>(path: &Path, layout: &A) {
    let index = path.join("index.json");
    write_index(path, &[&named("a")]);
    let (one, two) = (index_json(path), renamed(path, "a", "b"));
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        overwrite(&index, &two);
        assert_only(layout, "b", "a");
        overwrite(&index, &one);
        assert_only(layout, "a", "b");
    }
}

/// Before Linux 6.13 times move on with the kernel's clock, a few hundred times a second.
fn what_is_overwritten_in_the_same_instant_is_noticed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    assert_overwriting_is_noticed(&path, &layout);
}

/// There all that the system says of the file stays the same.
fn what_is_overwritten_where_times_are_whole_seconds_is_noticed<A: Api>() {
    let mkfs = ["mkfs.ext4", "-q", "-I", "128"];
    let Some(disk) = Disk::formatted(&mkfs, 16 << 20, "defaults") else { return };
    let path = disk.path().join("layout");
    let layout = A::open(&path, CREATE).unwrap();
    assert_overwriting_is_noticed(&path, &layout);
}

fn what_is_overwritten_long_after_is_noticed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    write_index(&path, &[&named("a")]);
    for (name, gone) in [("b", "a"), ("a", "b")] {
        std::thread::sleep(Duration::from_millis(50));
        assert_only(&layout, gone, name);
        overwrite(&path.join("index.json"), &renamed(&path, gone, name));
        assert_only(&layout, name, gone);
    }
}

fn an_edit_keeps_what_was_overwritten<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let mut expected = Vec::new();
    for n in 100..200 {
        let (name, theirs) = (format!("n{n}"), format!("m{n}"));
        layout.append(&numbered(&name, n), Some(&name), ANYWAY).unwrap();
        overwrite(&path.join("index.json"), &index_json(&path).replace(&name, &theirs));
        expected.push(theirs);
    }
    assert_eq!(names(&path), expected);
}

fn an_index_that_goes_and_comes_back_is_noticed<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    write_index(&path, &[&named("a")]);
    assert_only(&layout, "a", "b");
    let text = index_json(&path);
    std::fs::remove_file(path.join("index.json")).unwrap();
    assert_eq!(layout.resolve("a", None).unwrap_err().kind, Kind::Format);
    std::fs::write(path.join("index.json"), "{").unwrap();
    assert_eq!(layout.resolve("a", None).unwrap_err().kind, Kind::Format);
    std::fs::write(path.join("index.json"), text).unwrap();
    assert_only(&layout, "a", "b");
}

/// As skopeo writes it, without a media type, and as umoci does, without a list.
fn an_index_to_be_mended_is_known_as_it_is<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = serde_json::from_str::<serde_json::Value>(named("a").json()).unwrap();
    let texts = [
        json!({ "schemaVersion": 2, "manifests": [entry] }),
        json!({ "manifests": [entry], "schemaVersion": 2 }),
        json!({ "schemaVersion": 2, "manifests": null }),
    ];
    for text in texts {
        let text = text.to_string();
        std::fs::write(path.join("index.json"), &text).unwrap();
        for _ in 0..2 {
            assert_eq!(layout.list(None).unwrap().len(), text.matches("\"a\"").count());
        }
        std::thread::sleep(Duration::from_millis(50));
        for _ in 0..2 {
            assert_eq!(layout.list(None).unwrap().len(), text.matches("\"a\"").count());
        }
        assert_eq!(index_json(&path), text, "what is not edited is not mended");
        layout.append(&named("b"), Some("b"), ANYWAY).unwrap();
        layout.append(&named("c"), Some("c"), ANYWAY).unwrap();
        assert_eq!(layout.resolve("c", None).unwrap().reference(), Some("c"));
        layout.remove(&Matcher::Name("a")).unwrap();
        assert_eq!(names(&path), ["b", "c"]);
        assert!(index_json(&path).contains("image.index.v1+json"), "{}", index_json(&path));
    }
}

/// By chance, against a list of what should be there.
fn names_and_digests_are_found_after_every_edit<A: Api>() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let (_scratch, path, layout) = layout::<A>();
    let fresh = A::open(&path, OPEN).unwrap();
    let blobs = ["a", "b", "c", "d"].map(|content| store(&path, content, MANIFEST));
    let mut expected: Vec<(String, String)> = Vec::new();
    for _ in 0..300 {
        let (name, entry) = (format!("n{}", random.usize(..8)), &blobs[random.usize(..4)]);
        let digest = entry.digest().to_string();
        let is_new = !expected.contains(&(name.clone(), digest.clone()));
        match random.usize(..4) {
            0 => {
                layout.append(entry, Some(&name), ANYWAY).unwrap();
                expected.extend(is_new.then_some((name, digest)));
            }
            1 => {
                let touched = layout.remove(&Matcher::Digests(&[&digest])).unwrap();
                let before = expected.len();
                expected.retain(|known| known.1 != digest);
                assert_eq!(touched, before - expected.len(), "seed {seed}");
            }
            2 => {
                layout.remove(&Matcher::Name(&name)).unwrap();
                expected.retain(|known| known.0 != name);
            }
            _ => {
                let place = expected.iter().position(|known| known.0 == name);
                let before = expected.len();
                expected.retain(|known| known.0 != name);
                let touched = layout.replace(&Matcher::Name(&name), entry, Some(&name)).unwrap();
                assert_eq!(touched, before - expected.len(), "seed {seed}");
                expected.insert(place.unwrap_or(expected.len()), (name, digest));
            }
        }
        for layout in [&layout, &fresh] {
            let list = layout.list(None).unwrap();
            let told =
                list.iter().map(|entry| (entry.reference().unwrap(), entry.digest().as_str()));
            let wanted = expected.iter().map(|(name, digest)| (name.as_str(), digest.as_str()));
            assert_eq!(told.collect::<Vec<_>>(), wanted.collect::<Vec<_>>(), "seed {seed}");
            for (name, _) in &expected {
                let first = expected.iter().find(|known| known.0 == *name).unwrap();
                let found = layout.resolve(name, None).unwrap();
                assert_eq!(found.digest().as_str(), first.1, "seed {seed}");
            }
        }
    }
}

fn a_list_says_what_was_there_while_the_index_changes<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let texts: Vec<String> = (0..3)
        .map(|n| {
            format!(r#"{{ "mediaType":"a/b","digest":"{}","size":{n},"x":[{n}.0] }}"#, digest(n))
        })
        .collect();
    write_entries(&path, &texts.join(", "));
    let first_read = layout.list(None).unwrap();
    let known = layout.list(None).unwrap();
    layout.remove(&Matcher::Digests(&[digest(0).as_str()])).unwrap();
    layout.append(&named("new"), None, ANYWAY).unwrap();
    for list in [&first_read, &known] {
        assert_eq!(list.iter().map(Descriptor::json).collect::<Vec<_>>(), texts);
        assert_eq!(list[2].digest().as_str(), digest(2));
    }
    let now = layout.list(None).unwrap();
    assert_eq!(now.iter().map(Descriptor::json).collect::<Vec<_>>()[..2], texts[1..]);
}

fn texts_with_escapes_mean_what_they_say<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let entry = format!(
        r#"{{"mediaType":"a\u002fb","digest":"{}","size":1,"artifactType":"\u0063/d",
        "urls":["https:\/\/example.org/\u00e9"],"platform":{{"os":"l\u0069nux","architecture":"a"}},
        "annotations":{{"twice":"1","\u006frg.opencontainers.image.ref.name":"n\u0061me","twice":"\"2\""}}}}"#,
        digest(7).replace(':', r"\u003a")
    );
    write_entries(&path, &entry);
    let entry = layout.resolve("name", None).unwrap();
    assert_eq!(entry.json(), layout.list(None).unwrap()[0].json());
    assert_eq!(entry.media_type().as_str(), "a/b");
    assert_eq!(entry.digest().as_str(), digest(7));
    assert_eq!(entry.artifact_type().unwrap().as_str(), "c/d");
    assert!(entry.urls().eq(["https://example.org/\u{e9}"]));
    assert_eq!(entry.platform().unwrap().unwrap().to_string(), "linux/a");
    let annotations: Vec<_> = entry.annotations().collect();
    assert_eq!(annotations, [("twice", "\"2\""), ("org.opencontainers.image.ref.name", "name")]);
    let found = layout.list(Some(&Matcher::Digests(&[digest(7).as_str()]))).unwrap();
    assert_eq!(found.len(), 1);
}

fn a_malformed_platform_is_refused_when_the_index_is_read<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    for (platform, is_sound) in [
        ("null", true),
        ("{}", true),
        (r#"{"os":"linux","os.features":null}"#, true),
        ("[]", false),
        (r#""linux/amd64""#, false),
        (r#"{"os":null}"#, false),
        (r#"{"os":"a","os":"a"}"#, false),
        (r#"{"os":"a","os.features":[1]}"#, false),
    ] {
        let digest = digest(1);
        write_entries(
            &path,
            &format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":1,"platform":{platform}}}"#),
        );
        let listed = layout.list(None);
        assert_eq!(listed.is_ok(), is_sound, "{platform}");
        assert!(is_sound || listed.unwrap_err().message.contains("manifests[0]"), "{platform}");
    }
}

fn a_name_is_moved_again_and_again<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let blobs = ["a", "b"].map(|content| store(&path, content, MANIFEST));
    for n in 0..500 {
        let entry = &blobs[n % 2];
        let touched = layout.replace(&Matcher::Name("latest"), entry, Some("latest")).unwrap();
        assert_eq!(touched, n.min(1));
        assert_eq!(layout.resolve("latest", None).unwrap().digest(), entry.digest());
    }
    assert_eq!(names(&path), ["latest"]);
}

fn a_hundred_thousand_entries<A: Api>() {
    const COUNT: usize = 100_000;
    let (_scratch, path, layout) = layout::<A>();
    let entry = |n: usize| {
        let digest = digest(n);
        format!(
            "\n {{ \"size\": {n}, \"digest\": \"{digest}\", \"mediaType\": \"a/b\", \"annotations\": \
             {{ \"org.opencontainers.image.ref.name\": \"n{n}\" }} }}"
        )
    };
    let entries: Vec<String> = (0..COUNT).map(entry).collect();
    let index = |entries: &[String]| {
        format!(
            "{{ \"schemaVersion\": 2,\n\"mediaType\": \"application/vnd.oci.image.index.v1+json\", \
                 \"manifests\": [{}]}}\n",
            entries.join(",")
        )
    };
    std::fs::write(path.join("index.json"), index(&entries)).unwrap();
    assert_eq!(layout.list(None).unwrap().len(), COUNT);
    for n in (0..COUNT).step_by(9973) {
        assert_eq!(layout.resolve(&format!("n{n}"), None).unwrap().size(), n as u64);
        let found = layout.list(Some(&Matcher::Digests(&[&digest(n)]))).unwrap();
        assert_eq!(found.iter().map(Descriptor::size).collect::<Vec<_>>(), [n as u64]);
    }
    let new = numbered("new", 1);
    layout.append(&new, Some("new"), ANYWAY).unwrap();
    layout.append(&new, Some("new"), ANYWAY).unwrap();
    let mut expected = entries;
    expected.push(new.json().to_owned());
    assert!(index_json(&path) == index(&expected), "one entry more, and no other byte");
    assert_eq!(layout.remove(&Matcher::Name("new")).unwrap(), 1);
    expected.pop();
    assert!(index_json(&path) == index(&expected));
    assert_eq!(layout.resolve("n99999", None).unwrap().size(), 99_999);
}

fn the_same_twice_in_a_large_transaction<A: Api>() {
    const COUNT: usize = 20_000;
    let (_scratch, path, layout) = layout::<A>();
    let transaction = layout.begin().unwrap();
    for n in (0..COUNT).chain(0..COUNT) {
        // One image of many names, whose digest alone tells nothing.
        let name = format!("n{n}");
        transaction.append(&named(&name), Some(&name), ANYWAY).unwrap();
    }
    assert_eq!(transaction.remove(&Matcher::Name("n7")).unwrap(), 1);
    assert_eq!(transaction.list(None).unwrap().len(), COUNT - 1);
    transaction.commit().unwrap();
    let expected = (0..COUNT).filter(|n| *n != 7).map(|n| format!("n{n}"));
    assert!(names(&path).into_iter().eq(expected));
    assert_eq!(layout.resolve("n19999", None).unwrap().reference(), Some("n19999"));
}

fn threads_read_while_others_edit<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    layout.append(&named("stays"), Some("stays"), ANYWAY).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let layout = &layout;
            scope.spawn(move || {
                for n in 0..100 {
                    let name = format!("t{thread}-{n}");
                    layout.append(&named(&name), Some(&name), ANYWAY).unwrap();
                    assert_eq!(layout.resolve(&name, None).unwrap().reference(), Some(&*name));
                }
            });
            scope.spawn(move || {
                for _ in 0..300 {
                    let list = layout.list(None).unwrap();
                    assert_eq!(list.first().unwrap().reference(), Some("stays"));
                    layout.resolve("stays", None).unwrap();
                }
            });
        }
    });
    assert_eq!(names(&path).len(), 201);
}
