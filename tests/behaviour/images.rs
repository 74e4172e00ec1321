//! Images and indexes that are built.

use crate::api::{Api, Append, Image, Kind, Options, Source, Stored};
use crate::both;
use crate::fixture::{
    CONFIG, LAYER, MANIFEST, OCTETS, assert_clean, blob_path, image_for, layout, put, sha256,
    snapshot,
};
use ocilayout::Descriptor;
use serde_json::{Value, json};
use std::path::Path;

both!(
    an_image_says_all_that_was_set,
    the_same_calls_make_the_same_bytes,
    a_whole_config_is_taken,
    layers_are_added_to_an_image,
    unknown_members_of_a_loaded_image_stay,
    an_image_of_dockers_becomes_an_oci_image,
    a_loaded_image_without_history_stays_consistent,
    a_loaded_image_that_contradicts_itself_is_refused,
    an_image_needs_a_platform,
    a_layer_needs_a_diff_id,
    a_layer_is_what_its_media_type_says,
    a_layer_must_be_there,
    malformed_values_are_refused,
    an_index_is_built_with_platforms,
);

fn document(path: &Path, descriptor: &Descriptor) -> Value {
    let blob = std::fs::read(blob_path(path, descriptor.digest().as_str())).unwrap();
    assert_eq!(blob.len() as u64, descriptor.size());
    serde_json::from_slice(&blob).unwrap()
}

/// The manifest and the config of an image, read by other means than ours.
fn documents(path: &Path, image: &Descriptor) -> (Value, Value) {
    let manifest = document(path, image);
    let config = Descriptor::parse(manifest["config"].to_string().as_bytes()).unwrap();
    let config = document(path, &config);
    (manifest, config)
}

fn gzip<A: Api>(layout: &A, content: &[u8]) -> Stored {
    let options = Options { gzip: Some(6), ..Options::default() };
    layout.put(Source::Memory(content), &options).unwrap()
}

fn an_image_says_all_that_was_set<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (plain, packed) = (put(&layout, b"one", LAYER), gzip(&layout, b"two"));
    let image = layout
        .image(&Image {
            platform: Some(r#"{"os":"windows","architecture":"amd64","variant":"v2","os.version":"10.0","os.features":["win32k"]}"#),
            created: Some("2026-01-31T12:00:00+01:00"),
            entrypoint: &["/bin/entry", "with space"],
            command: &["-c", "\"quoted\""],
            env: &[("PATH", "/bin"), ("A", "1"), ("PATH", "/usr/bin=x"), ("EMPTY", "")],
            working_dir: Some("/work"),
            user: Some("1000:1000"),
            labels: &[("org.example", "é"), ("b", "")],
            ports: &["80", "443/tcp", "53/udp"],
            annotations: &[("k", "v")],
            layers: vec![(&plain, None, Some("COPY one")), (&packed, None, None)],
            steps: &["CMD -c"],
            ..Image::default()
        })
        .unwrap();
    let (manifest, config) = documents(&path, &image);
    let layers = [&plain, &packed]
        .map(|layer| serde_json::from_str::<Value>(layer.descriptor.json()).unwrap());
    assert_eq!(manifest["schemaVersion"], 2);
    assert_eq!(manifest["mediaType"], MANIFEST);
    assert_eq!(manifest["config"]["mediaType"], CONFIG);
    assert_eq!(manifest["layers"], json!(layers));
    assert_eq!(manifest["annotations"], json!({"k": "v"}));
    let created = "2026-01-31T12:00:00+01:00";
    assert_eq!(
        config,
        json!({
            "architecture": "amd64", "os": "windows", "variant": "v2",
            "os.version": "10.0", "os.features": ["win32k"],
            "created": created,
            "config": {
                "Entrypoint": ["/bin/entry", "with space"],
                "Cmd": ["-c", "\"quoted\""],
                "Env": ["PATH=/usr/bin=x", "A=1", "EMPTY="],
                "WorkingDir": "/work",
                "User": "1000:1000",
                "Labels": {"org.example": "é", "b": ""},
                "ExposedPorts": {"80": {}, "443/tcp": {}, "53/udp": {}},
            },
            "rootfs": {"type": "layers", "diff_ids": [sha256(b"one"), sha256(b"two")]},
            "history": [
                {"created": created, "created_by": "COPY one"},
                {"created": created},
                {"created": created, "created_by": "CMD -c", "empty_layer": true},
            ],
        })
    );
    assert_eq!(image.platform().unwrap().unwrap().to_string(), "windows/amd64/v2:10.0");
    assert_clean(&path);
}

fn the_same_calls_make_the_same_bytes<A: Api>() {
    let digests: Vec<String> = (0..2)
        .map(|_| {
            let (_scratch, _path, layout) = layout::<A>();
            let layer = gzip(&layout, b"layer");
            let image = Image {
                platform: Some("linux/amd64"),
                labels: &[("z", "1"), ("a", "2")],
                layers: vec![(&layer, None, Some("x"))],
                ..Image::default()
            };
            layout.image(&image).unwrap().digest().to_string()
        })
        .collect();
    assert_eq!(digests[0], digests[1]);
}

fn a_whole_config_is_taken<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let layer = put(&layout, b"one", LAYER);
    let config = r#"{
        "os": "linux", "x-unknown": 1.50, "architecture": "amd64",
        "config": {"Env": ["A=1"], "x-inner": [1], "Labels": {"l": "1"}},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]},
        "history": [{"created_by": "somebody else"}]
    }"#;
    let image = layout
        .image(&Image {
            config_json: Some(config),
            env: &[("B", "2")],
            labels: &[("m", "2")],
            layers: vec![(&layer, None, Some("us"))],
            ..Image::default()
        })
        .unwrap();
    let (_, config) = documents(&path, &image);
    assert_eq!(
        config,
        json!({
            "os": "linux", "x-unknown": 1.5, "architecture": "amd64",
            "config": {"Env": ["A=1", "B=2"], "x-inner": [1], "Labels": {"l": "1", "m": "2"}},
            "rootfs": {"type": "layers", "diff_ids": [sha256(b"one")]},
            "history": [{"created_by": "us"}],
        })
    );
    for bad in [
        "",
        "[]",
        "{",
        "\"text\"",
        r#"{"config":[]}"#,
        r#"{"os":1}"#,
        r#"{"history":{}}"#,
        r#"{"created":5}"#,
        r#"{"config":{"Env":7}}"#,
        r#"{"config":{"Labels":[1]}}"#,
    ] {
        // The platform is there, and no layer is added: the config itself is refused.
        let image =
            Image { config_json: Some(bad), platform: Some("linux/amd64"), ..Image::default() };
        assert_eq!(layout.image(&image).unwrap_err().kind, Kind::Format, "{bad}");
    }
}

fn layers_are_added_to_an_image<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let (one, two) = (put(&layout, b"one", LAYER), gzip(&layout, b"two"));
    let base = layout
        .image(&Image {
            platform: Some("linux/arm64"),
            entrypoint: &["/one"],
            annotations: &[("kept", "yes")],
            layers: vec![(&one, None, Some("one"))],
            steps: &["ENTRYPOINT"],
            ..Image::default()
        })
        .unwrap();
    let more = layout
        .image(&Image {
            from: Some(&base),
            env: &[("A", "1")],
            layers: vec![(&two, None, Some("two"))],
            ..Image::default()
        })
        .unwrap();
    let (manifest, config) = documents(&path, &more);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
    assert_eq!(manifest["annotations"], json!({"kept": "yes"}));
    assert_eq!(config["config"], json!({"Entrypoint": ["/one"], "Env": ["A=1"]}));
    assert_eq!(config["rootfs"]["diff_ids"], json!([sha256(b"one"), sha256(b"two")]));
    assert_eq!(
        config["history"],
        json!([
            {"created_by": "one"}, {"created_by": "ENTRYPOINT", "empty_layer": true},
            {"created_by": "two"},
        ])
    );
    assert_eq!(more.platform().unwrap().unwrap().to_string(), "linux/arm64");
    assert_ne!(more.digest(), base.digest());
    layout.children(&base).expect("the old image is still there");
}

/// Puts an image by hand, as another tool may have written it.
fn by_hand<A: Api>(layout: &A, config: &str, layers: &[&Stored]) -> Descriptor {
    let config = put(layout, config.as_bytes(), CONFIG).descriptor;
    let layers: Vec<&str> = layers.iter().map(|layer| layer.descriptor.json()).collect();
    let manifest = format!(
        r#"{{"x-first":1.0,"layers":[{}],"config":{},"schemaVersion":2,"x-last":[ ]}}"#,
        layers.join(","),
        config.json()
    );
    layout.put_manifest(manifest.as_bytes(), None, false).unwrap()
}

fn unknown_members_of_a_loaded_image_stay<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let one = put(&layout, b"one", LAYER);
    let config = format!(
        r#"{{"x-a":{{"b":1.0}},"rootfs":{{"diff_ids":["{}"],"x-r":1,"type":"layers"}},"os":"linux","history":[{{"x-h":1,"created_by":"o"}}],"architecture":"amd64","config":{{"OnBuild":["x"]}}}}"#,
        sha256(b"one")
    );
    let base = by_hand(&layout, &config, &[&one]);
    let two = put(&layout, b"two", LAYER);
    let image = Image { from: Some(&base), layers: vec![(&two, None, None)], ..Image::default() };
    let image = layout.image(&image).unwrap();
    let (manifest, config) = documents(&path, &image);
    assert_eq!((&manifest["x-first"], &manifest["x-last"]), (&json!(1.0), &json!([])));
    let raw =
        std::fs::read_to_string(blob_path(&path, manifest["config"]["digest"].as_str().unwrap()))
            .unwrap();
    assert!(raw.starts_with(r#"{"x-a":{"b":1.0},"rootfs":{"diff_ids":["#), "{raw}");
    assert_eq!(config["rootfs"]["x-r"], 1);
    assert_eq!(config["history"], json!([{"x-h": 1, "created_by": "o"}, {}]));
    assert_eq!(config["config"]["OnBuild"], json!(["x"]));
}

fn an_image_of_dockers_becomes_an_oci_image<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let docker = "application/vnd.docker";
    let one = put(&layout, b"one", &format!("{docker}.image.rootfs.diff.tar.gzip"));
    let config = format!(
        r#"{{"architecture":"a","os":"o","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        sha256(b"unpacked")
    );
    let config = put(&layout, config.as_bytes(), &format!("{docker}.container.image.v1+json"));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{docker}.distribution.manifest.v2+json","config":{},"layers":[{}]}}"#,
        config.descriptor.json(),
        one.descriptor.json()
    );
    let base = layout.put_manifest(manifest.as_bytes(), None, false).unwrap();
    let image = layout.image(&Image { from: Some(&base), ..Image::default() }).unwrap();
    let (manifest, _) = documents(&path, &image);
    assert_eq!(manifest["mediaType"], MANIFEST);
    assert_eq!(manifest["config"]["mediaType"], CONFIG);
    assert_eq!(manifest["layers"][0]["mediaType"], format!("{LAYER}+gzip"));
    assert_eq!(manifest["layers"][0]["digest"], sha256(b"one"));
}

fn a_loaded_image_without_history_stays_consistent<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let one = put(&layout, b"one", LAYER);
    let config = format!(
        r#"{{"architecture":"a","os":"o","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        sha256(b"one")
    );
    let base = by_hand(&layout, &config, &[&one]);
    let two = put(&layout, b"two", LAYER);
    let image =
        Image { from: Some(&base), layers: vec![(&two, None, Some("two"))], ..Image::default() };
    let (_, config) = documents(&path, &layout.image(&image).unwrap());
    assert_eq!(config["history"], json!([{}, {"created_by": "two"}]));
}

fn a_loaded_image_that_contradicts_itself_is_refused<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let one = put(&layout, b"one", LAYER);
    let id = sha256(b"one");
    for config in [
        r#"{"architecture":"a","os":"o"}"#.to_owned(),
        format!(r#"{{"architecture":"a","os":"o","rootfs":{{"diff_ids":["{id}","{id}"]}}}}"#),
        format!(
            r#"{{"architecture":"a","os":"o","rootfs":{{"diff_ids":["{id}"]}},"history":[{{}},{{}}]}}"#
        ),
        format!(r#"{{"architecture":"a","os":"o","rootfs":{{"diff_ids":["{}"]}}}}"#, &id[..20]),
    ] {
        let base = by_hand(&layout, &config, &[&one]);
        let failure = layout.image(&Image { from: Some(&base), ..Image::default() }).unwrap_err();
        assert_eq!(failure.kind, Kind::Format, "{config}");
    }
    let blob = put(&layout, b"abc", OCTETS).descriptor;
    let failure = layout.image(&Image { from: Some(&blob), ..Image::default() }).unwrap_err();
    assert_eq!(failure.kind, Kind::Invalid);
}

fn an_image_needs_a_platform<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let layer = put(&layout, b"one", LAYER);
    let before = snapshot(&path);
    let image = Image { layers: vec![(&layer, None, None)], ..Image::default() };
    let failure = layout.image(&image).unwrap_err();
    assert_eq!(failure.kind, Kind::State);
    assert!(failure.message.contains("platform"), "{}", failure.message);
    assert_eq!(snapshot(&path), before);
}

fn a_layer_needs_a_diff_id<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let given = put(&layout, b"packed elsewhere", &format!("{LAYER}+gzip"));
    let image = |diff_id| Image {
        platform: Some("linux/amd64"),
        layers: vec![(&given, diff_id, None)],
        ..Image::default()
    };
    let failure = layout.image(&image(None)).unwrap_err();
    assert_eq!(failure.kind, Kind::State);
    assert!(failure.message.contains("diff ID"), "{}", failure.message);
    assert_eq!(layout.image(&image(Some("sha256:abc"))).unwrap_err().kind, Kind::Invalid);
    let diff_id = sha256(b"unpacked");
    let image = layout.image(&image(Some(&diff_id))).unwrap();
    assert_eq!(documents(&path, &image).1["rootfs"]["diff_ids"], json!([diff_id]));
}

fn a_layer_is_what_its_media_type_says<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let before = snapshot(&path);
    for (gzip, zstd, media_type) in [
        (Some(6), None, LAYER.to_owned()),
        (Some(6), None, format!("{LAYER}+zstd")),
        (None, Some(3), LAYER.to_owned()),
        (None, Some(3), format!("{LAYER}+gzip")),
    ] {
        let options = Options { gzip, zstd, media_type: Some(media_type), ..Options::default() };
        let failure = layout.put(Source::Memory(b"one"), &options).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid, "{}", failure.message);
    }
    assert_eq!(snapshot(&path), before);
    let options = Options { gzip: Some(6), ..crate::fixture::options("a/own+gzip") };
    layout.put(Source::Memory(b"one"), &options).unwrap();

    // A layer of Docker's is called by its OCI name in an OCI image.
    let docker = put(&layout, b"one", "application/vnd.docker.image.rootfs.diff.tar");
    let image = Image {
        platform: Some("linux/amd64"),
        layers: vec![(&docker, None, None)],
        ..Image::default()
    };
    let (manifest, _) = documents(&path, &layout.image(&image).unwrap());
    assert_eq!(manifest["layers"][0]["mediaType"], LAYER);
}

fn a_layer_must_be_there<A: Api>() {
    let (_scratch, _path, layout) = layout::<A>();
    let layer = put(&layout, b"one", LAYER);
    layout.remove_blob(layer.descriptor.digest().as_str()).unwrap();
    let image = Image {
        platform: Some("linux/amd64"),
        layers: vec![(&layer, None, None)],
        ..Image::default()
    };
    assert_eq!(layout.image(&image).unwrap_err().kind, Kind::NotFound);
}

fn malformed_values_are_refused<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let before = snapshot(&path);
    let valid = || Image { platform: Some("linux/amd64"), ..Image::default() };
    let mut bad = Vec::new();
    for created in [
        "",
        "yesterday",
        "2026-01-31",
        "2026-13-01T00:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31t12:00:00Z",
        "2026-01-31T12:00:00z",
        "2026-01-31 12:00:00Z",
        "2026-06-30T23:59:60Z",
    ] {
        bad.push(Image { created: Some(created), ..valid() });
    }
    for port in [&["0"], &["65536"], &["80/sctp"], &["+80"], &["/tcp"], &[""], &["http"]] {
        bad.push(Image { ports: port, ..valid() });
    }
    for env in [&[("", "x")], &[("A=B", "x")]] {
        bad.push(Image { env, ..valid() });
    }
    bad.push(Image { labels: &[("", "x")], ..valid() });
    bad.push(Image { annotations: &[("", "x")], ..valid() });
    bad.push(Image { platform: Some("linux"), ..valid() });
    bad.push(Image { platform: Some("linux/amd64/v1/x"), ..valid() });
    for image in bad {
        let failure = layout.image(&image).unwrap_err();
        assert_eq!(failure.kind, Kind::Invalid, "{}", failure.message);
        assert!(failure.message.contains(": expected "), "{}", failure.message);
    }
    assert_eq!(snapshot(&path), before);
}

fn an_index_is_built_with_platforms<A: Api>() {
    let (_scratch, path, layout) = layout::<A>();
    let amd = image_for(&layout, "amd", "linux/amd64");
    let arm = image_for(&layout, "arm", "linux/arm64/v8");
    let index = layout.index(&[&amd, &arm], &[("k", "v")]).unwrap();
    let json = document(&path, &index);
    assert_eq!(json["manifests"][0]["platform"], json!({"architecture": "amd64", "os": "linux"}));
    assert_eq!(json["manifests"][1]["platform"]["variant"], "v8");
    assert_eq!(json["annotations"], json!({"k": "v"}));
    let mut named = amd.clone();
    named.set_reference("amd").unwrap();
    assert_eq!(layout.index(&[&named, &arm], &[("k", "v")]).unwrap().digest(), index.digest());
    layout.append(&index, Some("x"), Append::default()).unwrap();
    let found = layout.resolve("x", Some("linux/arm64")).unwrap();
    assert_eq!(found.digest(), arm.digest());
    // What is known of a platform already is kept as it stands.
    let platform = r#"{"architecture":"amd64","os":"linux","features":["sse4"]}"#;
    let told = amd.json().replace(r#"{"architecture":"amd64","os":"linux"}"#, platform);
    let told = Descriptor::parse(told.as_bytes()).unwrap();
    let index = document(&path, &layout.index(&[&told], &[]).unwrap());
    assert_eq!(index["manifests"][0]["platform"]["features"], json!(["sse4"]));

    let absent = put(&layout, b"abc", OCTETS).descriptor;
    layout.remove_blob(absent.digest().as_str()).unwrap();
    assert_eq!(layout.index(&[&absent], &[]).unwrap_err().kind, Kind::NotFound);
}
