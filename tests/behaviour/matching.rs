//! Matchers: name, annotation, platforms, media types, digests, and/or/not.

use crate::api::{Api, Append, Kind, Matcher};
use crate::both;
use crate::fixture::{ABC, OCTETS, layout, put};
use ocilayout::Descriptor;

both!(
    each_matcher_means_what_it_says,
    every_part_of_a_platform_counts,
    matchers_combine,
    a_function_decides,
    malformed_values_are_refused,
);

/// Five entries, told apart by what they say of themselves.
const ENTRIES: [(&str, &str); 5] = [
    ("plain", r#"{"os":"linux","architecture":"amd64"}"#),
    ("v8", r#"{"os":"linux","architecture":"arm64","variant":"v8"}"#),
    ("versioned", r#"{"os":"windows","architecture":"amd64","os.version":"10.0.1"}"#),
    (
        "featured",
        r#"{"os":"windows","architecture":"amd64","os.version":"10.0.1","os.features":["b","a"]}"#,
    ),
    ("none", "null"),
];

fn with_entries<A: Api>() -> (tempfile::TempDir, A) {
    let (scratch, _path, layout) = layout::<A>();
    put(&layout, b"abc", OCTETS);
    for (name, platform) in ENTRIES {
        let json = format!(
            r#"{{"mediaType":"a/{name}","digest":"{ABC}","size":3,"platform":{platform},"annotations":{{"key":"{name}"}}}}"#
        );
        let entry = Descriptor::parse(json.as_bytes()).unwrap();
        layout.append(&entry, Some(name), Append::default()).unwrap();
    }
    (scratch, layout)
}

fn meant<A: Api>(layout: &A, matcher: &Matcher<'_>) -> Vec<String> {
    let found = layout.list(Some(matcher)).unwrap();
    found.iter().map(|entry| entry.reference().unwrap().to_owned()).collect()
}

fn each_matcher_means_what_it_says<A: Api>() {
    let (_scratch, layout) = with_entries::<A>();
    assert_eq!(meant(&layout, &Matcher::Name("v8")), ["v8"]);
    assert!(meant(&layout, &Matcher::Name("V8")).is_empty());
    assert_eq!(meant(&layout, &Matcher::Annotation("key", "plain")), ["plain"]);
    assert!(meant(&layout, &Matcher::Annotation("plain", "key")).is_empty());
    assert_eq!(meant(&layout, &Matcher::MediaTypes(&["a/none", "a/v8"])), ["v8", "none"]);
    assert_eq!(meant(&layout, &Matcher::Digests(&[ABC])).len(), 5);
    let other = ABC.replace('b', "c");
    assert!(meant(&layout, &Matcher::Digests(&[&other])).is_empty());
    assert!(meant(&layout, &Matcher::Digests(&[])).is_empty());
    assert_eq!(layout.list(None).unwrap().len(), 5);
}

fn every_part_of_a_platform_counts<A: Api>() {
    let (_scratch, layout) = with_entries::<A>();
    for (platforms, expected) in [
        (vec!["linux/amd64"], vec!["plain"]),
        (vec!["linux/arm64"], vec![]),
        (vec!["linux/arm64/v8"], vec!["v8"]),
        (vec!["windows/amd64"], vec![]),
        (vec!["windows/amd64:10.0.1"], vec!["versioned"]),
        (
            vec![
                r#"{"os":"windows","architecture":"amd64","os.version":"10.0.1","os.features":["a","b"]}"#,
            ],
            vec!["featured"],
        ),
        (vec!["linux/amd64", "linux/arm64/v8"], vec!["plain", "v8"]),
    ] {
        assert_eq!(meant(&layout, &Matcher::Platforms(&platforms)), expected, "{platforms:?}");
    }
}

fn matchers_combine<A: Api>() {
    let (_scratch, layout) = with_entries::<A>();
    let not = |matcher| Matcher::Not(Box::new(matcher));
    let windows = || {
        Matcher::AnyOf(vec![
            Matcher::Platforms(&["windows/amd64:10.0.1"]),
            Matcher::MediaTypes(&["a/featured"]),
        ])
    };
    assert_eq!(meant(&layout, &windows()), ["versioned", "featured"]);
    assert_eq!(meant(&layout, &not(windows())), ["plain", "v8", "none"]);
    let not_featured = Matcher::AllOf(vec![windows(), not(Matcher::Name("featured"))]);
    assert_eq!(meant(&layout, &not_featured), ["versioned"]);
    assert_eq!(meant(&layout, &not(not(Matcher::Name("v8")))), ["v8"]);
    assert_eq!(meant(&layout, &Matcher::AllOf(vec![])).len(), 5);
    assert!(meant(&layout, &Matcher::AnyOf(vec![])).is_empty());
}

fn a_function_decides<A: Api>() {
    let (_scratch, layout) = with_entries::<A>();
    let has_v = |entry: &Descriptor| i32::from(entry.reference().unwrap().starts_with('v')) * 77;
    assert_eq!(meant(&layout, &Matcher::Function(&has_v)), ["v8", "versioned"]);
    assert_eq!(layout.remove(&Matcher::Function(&has_v)).unwrap(), 2);
    assert_eq!(layout.list(None).unwrap().len(), 3);
}

fn malformed_values_are_refused<A: Api>() {
    let (_scratch, layout) = with_entries::<A>();
    for bad in [
        Matcher::Platforms(&["linux/amd64", "linux"]),
        Matcher::Platforms(&[""]),
        Matcher::Platforms(&[r#"{"os":"a/b:c","architecture":"amd64"}"#]),
        Matcher::Platforms(&[r#"{"os":"linux","architecture":"../x"}"#]),
        Matcher::MediaTypes(&["no slash"]),
        Matcher::Digests(&["sha256:abc"]),
        Matcher::Digests(&["sha256:../../../etc/passwd"]),
        Matcher::Not(Box::new(Matcher::Digests(&["x"]))),
    ] {
        let failure = layout.remove(&bad).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid, "{}", failure.message);
        assert!(failure.message.contains("expected"), "{}", failure.message);
    }
    assert_eq!(layout.list(None).unwrap().len(), 5);
}
