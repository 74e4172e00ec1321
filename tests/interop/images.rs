//! Images that are built here: others read every field, and theirs are
//! extended.

use super::tools::*;
use crate::support::{have_tools, run};
use ocilayout::{
    Append, BlobOptions, Compression, Descriptor, ImageBuilder, Layout, Matcher, MediaType, Missing,
};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

const CREATED: &str = "2026-01-31T12:00:00Z";

/// Each layer with a file of its own, and one that the next replaces.
fn layers(layout: &Layout, scratch: &Path) -> Vec<Descriptor> {
    let gzip = Compression::gzip(Some(9)).unwrap();
    ["first", "second", "third"]
        .into_iter()
        .zip([gzip, Compression::NONE, gzip])
        .map(|(name, compression)| {
            layer(layout, &tar(scratch, name, &[(name, name), ("last", name)]), compression)
        })
        .collect()
}

/// An image with every field that the builder can set.
fn full_image(layout: &Layout, layers: &[Descriptor]) -> Descriptor {
    let mut image = ImageBuilder::new(layout);
    fill(&mut image, layers).unwrap();
    let mut entry = image.finish().unwrap();
    entry.set_annotation("example.entry", Some("yes")).unwrap();
    named(entry, "full")
}

fn fill(image: &mut ImageBuilder, layers: &[Descriptor]) -> ocilayout::Result<()> {
    image
        .platform(&"linux/arm64/v8".parse()?)?
        .created(CREATED)?
        .entrypoint(&["/bin/serve", "--verbose"])?
        .command(&["--port", "80 81"])?
        .env("PATH", "/bin:/usr/bin")?
        .env("GREETING", "grüß=dich")?
        .working_dir("/srv")?
        .user("1000:2000")?
        .label("example.label", "a \"quoted\" text")?
        .label("example.empty", "")?
        .exposed_port("80/tcp")?
        .exposed_port("53/udp")?
        .annotation("example.manifest", Some("yes"))?
        .layer(&layers[0], None, Some("step one"))?
        .layer(&layers[1], None, None)?
        .history("set the port", Some("no layer"))?
        .layer(&layers[2], None, Some("step three"))?;
    Ok(())
}

/// The config, as it should read with umoci's and skopeo's words for it.
fn full_config(layers: &[Descriptor]) -> Value {
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id().unwrap().as_str()).collect();
    json!({
        "architecture": "arm64",
        "os": "linux",
        "variant": "v8",
        "created": CREATED,
        "config": {
            "Entrypoint": ["/bin/serve", "--verbose"],
            "Cmd": ["--port", "80 81"],
            "Env": ["PATH=/bin:/usr/bin", "GREETING=grüß=dich"],
            "WorkingDir": "/srv",
            "User": "1000:2000",
            "Labels": {"example.label": "a \"quoted\" text", "example.empty": ""},
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [
            {"created": CREATED, "created_by": "step one"},
            {"created": CREATED},
            {"created": CREATED, "created_by": "set the port", "comment": "no layer",
             "empty_layer": true},
            {"created": CREATED, "created_by": "step three"},
        ],
    })
}

/// The history as umoci tells it: each step with the layer that it made.
fn steps_of_umoci(config: &Value, layers: &[Descriptor]) -> Value {
    let mut layers = layers.iter();
    let mut steps = config["history"].clone();
    for step in steps.as_array_mut().unwrap() {
        (step["layer"], step["diff_id"]) = if step["empty_layer"] == true {
            (Value::Null, json!(""))
        } else {
            let layer = layers.next().unwrap();
            (parse(layer.json()), json!(layer.diff_id().unwrap().as_str()))
        };
    }
    steps
}

#[test]
fn others_read_every_field() {
    if !have_tools(&["skopeo", "umoci", "tar"]) {
        return;
    }
    let scratch = scratch();
    let path = &scratch.path().join("layout");
    let layout = new_layout(path);
    let layers = layers(&layout, scratch.path());
    layout.append(&full_image(&layout, &layers), Append::default()).unwrap();
    let config = full_config(&layers);

    // skopeo reads the config into its own words and writes those; it knows no
    // variant yet in version 1.9.
    let mut known = skopeo_inspect(&["--config"], &oci(path, "full"));
    known["variant"] = json!("v8");
    assert_eq!(known, config);
    let raw = run(skopeo().args(["inspect", "--config", "--raw"]).arg(oci(path, "full")));
    assert_eq!(parse(&raw), config);

    let said = skopeo_inspect(&[], &oci(path, "full"));
    let digests: Vec<_> = layers.iter().map(|layer| layer.digest().as_str()).collect();
    assert_eq!(said["Layers"], json!(digests));
    assert_eq!(said["Created"], CREATED);
    assert_eq!(said["Architecture"], "arm64");
    assert_eq!(said["Labels"], config["config"]["Labels"]);
    assert_eq!(said["Env"], config["config"]["Env"]);

    let stat = parse(&run(umoci(&["stat"], path, "full").arg("--json")));
    assert_eq!(stat["history"], steps_of_umoci(&config, &layers));

    let bundle = scratch.path().join("bundle");
    umoci_files("unpack", path, "full", &[&bundle]);
    for (file, content) in
        [("first", "first"), ("second", "second"), ("third", "third"), ("last", "third")]
    {
        assert_eq!(fs::read_to_string(bundle.join("rootfs").join(file)).unwrap(), content);
    }
    let runtime = fs::read_to_string(bundle.join("config.json")).unwrap();
    let process = &parse(&runtime)["process"];
    assert_eq!(process["args"], json!(["/bin/serve", "--verbose", "--port", "80 81"]));
    assert_eq!(process["cwd"], "/srv");
    let env = process["env"].as_array().unwrap();
    assert!(env.contains(&json!("GREETING=grüß=dich")), "{env:?}");
    if is_root() {
        assert_eq!(
            (&process["user"]["uid"], &process["user"]["gid"]),
            (&json!(1000), &json!(2000))
        );
    }
}

/// What umoci makes of an image of ours differs from it by what umoci was asked
/// for, and no more.
#[test]
fn umoci_edits_the_config() {
    if !have_tools(&["skopeo", "umoci", "tar"]) {
        return;
    }
    let scratch = scratch();
    let path = &scratch.path().join("layout");
    let layout = new_layout(path);
    let layers = layers(&layout, scratch.path());
    layout.append(&full_image(&layout, &layers), Append::default()).unwrap();

    let set = ["config", "--no-history", "--tag", "edited", "--config.workingdir", "/tmp"];
    run(&mut umoci(&set, path, "full"));
    let mut config = full_config(&layers);
    config["config"]["WorkingDir"] = json!("/tmp");
    let edited = layout.resolve("edited", None).unwrap();
    let mut found = config_of(&layout, &edited);
    found["variant"] = json!("v8"); // which umoci drops
    assert_eq!(found, config);
    let digests = |layers: &[Descriptor]| below(&layout, layers);
    assert_eq!(digests(&layout.children(&edited).unwrap()[1..]), digests(&layers));
    let entries = layout.list(&Matcher::reference("full")).unwrap();
    assert_eq!(entries[0].annotation("example.entry"), Some("yes"));
}

fn config_of(layout: &Layout, image: &Descriptor) -> Value {
    let config = layout.children(image).unwrap().remove(0);
    serde_json::from_slice(&layout.read_blob(&config, 1 << 20).unwrap()).unwrap()
}

/// Adds a layer to the image `base`, and has umoci unpack both.
fn extend(layout: &Layout, scratch: &Path) {
    let base = layout.resolve("base", None).unwrap();
    let before = config_of(layout, &base);
    let added = tar(scratch, "added", &[("added", "here"), ("last", "added")]);
    let added = layer(layout, &added, Compression::gzip(None).unwrap());
    let mut image = ImageBuilder::from_image(layout, &base).unwrap();
    image.layer(&added, None, Some("extend")).unwrap();
    let extended = image.finish().unwrap();
    layout.append(&named(extended.clone(), "extended"), Append::default()).unwrap();

    let mut config = before.clone();
    let diff_ids = config["rootfs"]["diff_ids"].as_array_mut().unwrap();
    diff_ids.push(json!(added.diff_id().unwrap().as_str()));
    let mut step = json!({"created_by": "extend"});
    if let Some(created) = before.get("created") {
        step["created"] = created.clone();
    }
    match config.get_mut("history") {
        Some(history) => history.as_array_mut().unwrap().push(step),
        None => config["history"] = json!([step]),
    }
    assert_eq!(config_of(layout, &extended), config);

    let layers = |image: &Descriptor| layout.children(image).unwrap()[1..].to_vec();
    let jsons = |layers: Vec<Descriptor>| -> Vec<String> {
        layers.iter().map(|layer| layer.json().to_owned()).collect()
    };
    let mut expected = jsons(layers(&base));
    expected.push(added.json().to_owned());
    assert_eq!(jsons(layers(&extended)), expected);

    let unpacked = ["base", "extended"].map(|name| {
        let bundle = scratch.join(name);
        umoci_files("unpack", layout.path(), name, &[&bundle]);
        bundle.join("rootfs")
    });
    let files = |rootfs: &Path| run(Command::new("ls").arg("-A").arg(rootfs));
    assert!(!unpacked[0].join("added").exists());
    assert_eq!(fs::read_to_string(unpacked[1].join("added")).unwrap(), "here");
    assert_eq!(fs::read_to_string(unpacked[1].join("last")).unwrap(), "added");
    for file in files(&unpacked[0]).lines().filter(|file| *file != "last") {
        let read = |rootfs: &Path| fs::read(rootfs.join(file)).unwrap();
        assert_eq!(read(&unpacked[0]), read(&unpacked[1]), "{file}");
    }
}

/// An image whose config and manifest have members that nobody knows.
fn foreign_image(layout: &Layout, scratch: &Path) -> Descriptor {
    let layers = layers(layout, scratch);
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id().unwrap().as_str()).collect();
    let config = json!({
        "x-first": {"b": 1, "a": [1.5]},
        "architecture": "amd64",
        "os": "linux",
        "created": "2020-01-02T03:04:05Z",
        "config": {"x-run": [null], "Env": ["A=b"], "OnBuild": ["X"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids, "x-rootfs": 1},
        "history": [{"created_by": "one", "x-step": 1}, {}, {"author": "somebody"}],
    });
    let options = BlobOptions::new().media_type(MediaType::IMAGE_CONFIG.parse().unwrap());
    let config = layout.put(config.to_string().as_bytes(), &options).unwrap();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_MANIFEST,
        "x-manifest": {"b": 1.5},
        "config": parse(config.json()),
        "layers": layers.iter().map(|layer| parse(layer.json())).collect::<Vec<_>>(),
        "annotations": {"example.kept": "yes"},
    });
    layout.put_manifest(manifest.to_string().as_bytes(), None, Missing::Refused).unwrap()
}

/// skopeo carries a config over as it stands, so it can be one that has members
/// which nobody knows.
#[test]
fn an_image_of_skopeo_is_extended() {
    if !have_tools(&["skopeo", "umoci", "tar"]) {
        return;
    }
    let scratch = scratch();
    let path = scratch.path().join("source");
    let source = new_layout(&path);
    let entry = named(foreign_image(&source, scratch.path()), "base");
    source.append(&entry, Append::default()).unwrap();

    let copied = scratch.path().join("copied");
    skopeo_copy(&["--preserve-digests"], &oci(&path, "base"), &oci(&copied, "base"));
    let layout = Layout::open(&copied).unwrap();
    let base = config_of(&layout, &layout.resolve("base", None).unwrap());
    assert_eq!(base["config"]["x-run"], json!([null]), "skopeo changed the config");
    extend(&layout, scratch.path());
    let extended = layout.resolve("extended", None).unwrap();
    let manifest = fs::read_to_string(blob(&copied, extended.digest().as_str())).unwrap();
    assert_eq!(parse(&manifest)["x-manifest"], json!({"b": 1.5}));
    assert_eq!(parse(&manifest)["annotations"], json!({"example.kept": "yes"}));
    let said = skopeo_inspect(&[], &oci(&copied, "extended"));
    assert_eq!(said["Layers"].as_array().unwrap().len(), 4);
}

#[test]
fn an_image_of_umoci_is_extended() {
    if !have_tools(&["umoci", "tar"]) {
        return;
    }
    let scratch = scratch();
    let path = &scratch.path().join("layout");
    run(Command::new("umoci").args(["init", "--layout"]).arg(path));
    run(&mut umoci(&["new"], path, "base"));
    let file = scratch.path().join("file");
    fs::write(&file, "of umoci").unwrap();
    umoci_files("insert", path, "base", &[&file, Path::new("/file")]);
    run(&mut umoci(&["config", "--config.env", "A=b", "--author", "somebody"], path, "base"));
    let layout = Layout::open(path).unwrap();
    let config = config_of(&layout, &layout.resolve("base", None).unwrap());
    assert_eq!(config["history"].as_array().unwrap().len(), 2, "{config}");
    extend(&layout, scratch.path());
}

/// The image without a layer that umoci begins with.
#[test]
fn an_empty_image_of_umoci_is_extended() {
    if !have_tools(&["umoci", "tar"]) {
        return;
    }
    let scratch = scratch();
    let path = &scratch.path().join("layout");
    run(Command::new("umoci").args(["init", "--layout"]).arg(path));
    run(&mut umoci(&["new"], path, "base"));
    let layout = Layout::open(path).unwrap();
    extend(&layout, scratch.path());
}
