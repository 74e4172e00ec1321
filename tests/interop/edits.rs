//! Layouts that skopeo and umoci made are edited here, with nothing of theirs
//! lost, and go back to them.

use super::tools::*;
use crate::support::{have_tools, run};
use indexmap::IndexMap;
use ocilayout::{Append, Layout, Matcher, REF_NAME};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const MEDIA_TYPE: &str = r#""mediaType":"application/vnd.oci.image.index.v1+json""#;

/// `index.json` in pieces, each with its exact text.
#[derive(Clone, Debug, PartialEq)]
struct Pieces {
    /// The members beside the manifests.
    members: Vec<(String, String)>,
    entries: Vec<String>,
}

impl Pieces {
    fn of(layout: &Path) -> Self {
        let mut members = members(&fs::read_to_string(layout.join("index.json")).unwrap());
        let entries = members.iter().position(|(key, _)| key == "manifests").unwrap();
        let (_, entries) = members.remove(entries);
        let entries: Vec<Box<RawValue>> = serde_json::from_str(&entries).unwrap();
        Self { members, entries: entries.iter().map(|entry| entry.get().to_owned()).collect() }
    }

    /// The members, without the media type that the first edit of ours adds.
    fn members(&self) -> Vec<&(String, String)> {
        self.members.iter().filter(|(key, _)| key != "mediaType").collect()
    }
}

/// The members of a JSON object, in order, each with its exact text.
fn members(json: &str) -> Vec<(String, String)> {
    let members: IndexMap<String, Box<RawValue>> = serde_json::from_str(json).unwrap();
    members.into_iter().map(|(key, value)| (key, value.get().to_owned())).collect()
}

/// What the maker of a layout might have put into `oci-layout`.
const MARKER: &str = "{ \"x-kept\":[1.0],\"imageLayoutVersion\" : \"1.0.0\"}\n";

/// Puts into the layout what its maker does not know, in a spacing that nobody
/// would choose.
fn decorate(layout: &Path) {
    let Pieces { members, entries } = Pieces::of(layout);
    let mut text = String::from("{ \"x-first\" : {\"b\":1,\"a\":[1.0,2e3]},\n");
    for (key, value) in members {
        text += &format!("\t\"{key}\":  {value},\n");
    }
    text += "\"manifests\":\n[\n";
    for (position, entry) in entries.iter().enumerate() {
        let (comma, rest) = (if position == 0 { "" } else { " ,\n" }, &entry[1..]);
        text += &format!("{comma}{{\"x-entry\" : [{position}, \"\\u00e9\", 10e-1 ],  {rest}");
    }
    text += "  ],\"annotations\":{\"z\":\"1\", \"a\":\"2\"}, \"x-last\":null }\n";
    fs::write(layout.join("index.json"), text).unwrap();
    fs::write(layout.join("oci-layout"), MARKER).unwrap();
}

/// The layout of skopeo: one image out of an archive in Docker's format, one
/// copied from a layout of ours.
fn made_by_skopeo(scratch: &TempDir) -> &'static [&'static str] {
    let scratch = scratch.path();
    let layout = scratch.join("layout");
    let archive = format!("docker-archive:{}", docker_archive(scratch).display());
    skopeo_copy(&[], &archive, &oci(&layout, "from-docker"));

    let path = scratch.join("source");
    let source = new_layout(&path);
    let entry = image(&source, "linux/amd64", &tar(scratch, "ours", &[("from", "ours")]));
    source.append(&named(entry, "image"), Append::default()).unwrap();
    skopeo_copy(&[], &oci(&path, "image"), &oci(&layout, "from-ours"));
    &["from-docker", "from-ours"]
}

/// A tar as `docker save` writes it.
fn docker_archive(scratch: &Path) -> PathBuf {
    let layer = tar(scratch, "layer", &[("from", "docker")]);
    let config = serde_json::json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["A=b"]},
        "rootfs": {"type": "layers", "diff_ids": [sha256sum(&layer)]},
        "history": [{"created_by": "docker"}],
    });
    fs::write(scratch.join("config.json"), config.to_string()).unwrap();
    let manifest = r#"[{"Config":"config.json","RepoTags":["x:1"],"Layers":["layer.tar"]}]"#;
    fs::write(scratch.join("manifest.json"), manifest).unwrap();
    let archive = scratch.join("docker.tar");
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--file").arg(&archive).arg("--directory").arg(scratch);
    run(tar.args(["manifest.json", "config.json", "layer.tar"]));
    archive
}

/// The layout of umoci, by all of its verbs that write.
fn made_by_umoci(scratch: &TempDir) -> &'static [&'static str] {
    let layout = &scratch.path().join("layout");
    run(Command::new("umoci").args(["init", "--layout"]).arg(layout));
    run(&mut umoci(&["new"], layout, "new"));
    // It begins with the architecture of the machine.
    run(&mut umoci(&["config", "--no-history", "--architecture", "amd64"], layout, "new"));
    run(umoci(&["tag"], layout, "new").arg("inserted"));
    let file = scratch.path().join("file");
    fs::write(&file, "inserted").unwrap();
    umoci_files("insert", layout, "inserted", &[&file, Path::new("/from")]);

    let bundle = scratch.path().join("bundle");
    umoci_files("unpack", layout, "inserted", &[&bundle]);
    fs::write(bundle.join("rootfs/from"), "repacked").unwrap();
    run(umoci(&["repack"], layout, "repacked").arg(&bundle));
    let set = ["config", "--tag", "configured", "--config.env", "A=b"];
    run(&mut umoci(&set, layout, "repacked"));
    &["new", "inserted", "repacked", "configured"]
}

/// Opens a layout, reads all of it, and edits it; then asks that nothing beside
/// the edits has changed, and that others go on with it.
fn read_and_edit(scratch: &TempDir, names: &[&str]) {
    let path = &scratch.path().join("layout");
    decorate(path);
    let before = Pieces::of(path);
    let layout = Layout::open(path).unwrap();
    read(&layout, names);
    assert_eq!(Pieces::of(path), before, "reading changed it");

    let check = |entries: &[&str]| {
        let now = Pieces::of(path);
        assert_eq!(now.members(), before.members());
        assert_eq!(now.entries, entries);
        let media_type = now.members.iter().find(|(key, _)| key == "mediaType").unwrap();
        assert_eq!(format!(r#""mediaType":{}"#, media_type.1), MEDIA_TYPE);
    };
    let theirs: Vec<&str> = before.entries.iter().map(String::as_str).collect();

    let tars = [1, 2].map(|n| {
        let (name, content) = (format!("ours-{n}"), format!("ours, number {n}"));
        tar(scratch.path(), &name, &[("from", &content)])
    });
    let ours = tars.map(|tar| named(image(&layout, "linux/amd64", &tar), "ours"));
    layout.append(&ours[0], Append::default()).unwrap();
    check(&[&theirs[..], &[ours[0].json()]].concat());

    let replaced =
        layout.replace(&Matcher::reference("ours"), &ours[1], Append::default()).unwrap();
    assert_eq!(replaced, 1);
    check(&[&theirs[..], &[ours[1].json()]].concat());

    // One of theirs gets another name, in its place, and keeps the rest.
    let mut renamed = layout.resolve(names[0], None).unwrap();
    renamed.set_reference("renamed").unwrap();
    let mut expected = members(theirs[0]);
    let annotations = expected.iter_mut().find(|(key, _)| key == "annotations").unwrap();
    annotations.1 = format!(r#"{{"{REF_NAME}":"renamed"}}"#);
    assert_eq!(members(renamed.json()), expected);
    let replaced =
        layout.replace(&Matcher::reference(names[0]), &renamed, Append::default()).unwrap();
    assert_eq!(replaced, 1);
    let entries = [&[renamed.json()], &theirs[1..], &[ours[1].json()]].concat();
    check(&entries);

    let last = *names.last().unwrap();
    assert_eq!(layout.remove(&Matcher::reference(last)).unwrap(), 1);
    let entries = [&entries[..names.len() - 1], &[ours[1].json()]].concat();
    check(&entries);

    assert_eq!(fs::read_to_string(path.join("oci-layout")).unwrap(), MARKER);
    let names = [&["renamed"], &names[1..names.len() - 1], &["ours"]].concat();
    go_on(&layout, &names, &ours[0].digest().to_string());
}

/// Reads everything in a layout that somebody else made.
fn read(layout: &Layout, names: &[&str]) {
    assert_sound(layout);
    let list = layout.list(&Matcher::any()).unwrap();
    let found: Vec<_> = list.iter().map(|entry| entry.reference().unwrap()).collect();
    assert_eq!(found, names);
    let platform = "linux/amd64".parse().unwrap();
    for (entry, name) in list.iter().zip(names) {
        assert_eq!(layout.resolve(name, None).unwrap().json(), entry.json());
        assert_eq!(layout.resolve(name, Some(&platform)).unwrap().digest(), entry.digest());
        for child in layout.children(entry).unwrap() {
            let content = fs::read(blob(layout.path(), child.digest().as_str())).unwrap();
            assert_eq!(layout.read_blob(&child, 1 << 20).unwrap(), content);
        }
    }
    let reachable: BTreeSet<_> = below(layout, &list).into_iter().collect();
    assert!(reachable.is_subset(&blobs(layout.path())));
}

/// Others read the layout that was edited, clear it up and write to it.
fn go_on(layout: &Layout, names: &[&str], unused: &str) {
    let path = layout.path();
    assert_eq!(umoci_names(path), names);
    for name in names {
        let entry = layout.resolve(name, None).unwrap();
        let layers = &layout.children(&entry).unwrap()[1..];
        let layers: Vec<_> = layers.iter().map(|layer| layer.digest().as_str()).collect();
        let image = oci(path, name);
        let said = skopeo_inspect(&[], &image);
        // Go says null for a list without items.
        let said: Vec<_> = said["Layers"].as_array().into_iter().flatten().collect();
        assert_eq!(said, layers, "{name}");
        let raw = run(skopeo().args(["inspect", "--raw"]).arg(&image));
        let manifest = fs::read(blob(path, entry.digest().as_str())).unwrap();
        assert_eq!(raw.into_bytes(), manifest, "{name}");
        let said = parse(&run(umoci(&["stat"], path, name).arg("--json")));
        let said = said["history"].as_array().into_iter().flatten();
        let said: Vec<_> = said
            .filter(|step| !step["layer"].is_null())
            .map(|step| &step["layer"]["digest"])
            .collect();
        assert_eq!(said, layers, "{name}");
    }

    let used: BTreeSet<_> =
        below(layout, &layout.list(&Matcher::any()).unwrap()).into_iter().collect();
    assert!(blobs(path).contains(unused) && !used.contains(unused));
    run(Command::new("umoci").args(["gc", "--layout"]).arg(path));
    assert_eq!(blobs(path), used);
    check_blobs(path);

    run(umoci(&["tag"], path, "ours").arg("umoci"));
    skopeo_copy(&[], &oci(path, "ours"), &oci(path, "skopeo"));
    let ours = layout.resolve("ours", None).unwrap();
    for name in ["umoci", "skopeo"] {
        assert_eq!(layout.resolve(name, None).unwrap().digest(), ours.digest());
    }
    let names = [names, &["umoci", "skopeo"]].concat();
    assert_eq!(umoci_names(path), names);
    assert_sound(layout);
}

#[test]
fn a_layout_of_skopeo_loses_nothing() {
    if have_tools(&["skopeo", "umoci", "tar"]) {
        let scratch = scratch();
        let names = made_by_skopeo(&scratch);
        read_and_edit(&scratch, names);
    }
}

#[test]
fn a_layout_of_umoci_loses_nothing() {
    if have_tools(&["skopeo", "umoci", "tar"]) {
        let scratch = scratch();
        let names = made_by_umoci(&scratch);
        read_and_edit(&scratch, names);
    }
}

/// skopeo and umoci have long written an index without its media type. The
/// first edit adds it, and nothing else.
#[test]
fn a_missing_media_type_is_all_that_is_added() {
    if !have_tools(&["skopeo", "tar"]) {
        return;
    }
    let scratch = scratch();
    made_by_skopeo(&scratch);
    let path = scratch.path().join("layout");
    let index = path.join("index.json");
    // Newer ones may write it.
    let text = fs::read_to_string(&index).unwrap().replace(&format!(",{MEDIA_TYPE}"), "");
    assert!(!text.contains(MEDIA_TYPE) && text.ends_with("]}"), "{text}");
    fs::write(&index, &text).unwrap();

    let layout = Layout::open(&path).unwrap();
    let copy = named(layout.resolve("from-ours", None).unwrap(), "copy");
    assert_eq!(fs::read_to_string(&index).unwrap(), text);
    layout.append(&copy, Append::default()).unwrap();

    let version = r#""schemaVersion":2"#;
    let (head, tail) = text.split_once(version).unwrap();
    let tail = tail.strip_suffix("]}").unwrap();
    let expected = format!("{head}{version},{MEDIA_TYPE}{tail},{}]}}", copy.json());
    assert_eq!(fs::read_to_string(&index).unwrap(), expected);
    layout.remove(&Matcher::reference("copy")).unwrap();
    let expected = format!("{head}{version},{MEDIA_TYPE}{tail}]}}");
    assert_eq!(fs::read_to_string(&index).unwrap(), expected);
}

/// umoci writes `"manifests":null` into a layout that has none.
#[test]
fn a_layout_that_umoci_began_is_filled() {
    if !have_tools(&["umoci", "tar"]) {
        return;
    }
    let scratch = scratch();
    let path = &scratch.path().join("layout");
    run(Command::new("umoci").args(["init", "--layout"]).arg(path));
    let layout = Layout::open(path).unwrap();
    assert!(layout.list(&Matcher::any()).unwrap().is_empty());
    assert_sound(&layout);
    let tar = tar(scratch.path(), "ours", &[("from", "ours")]);
    let entry = named(image(&layout, "linux/amd64", &tar), "ours");
    layout.append(&entry, Append::default()).unwrap();
    assert_eq!(Pieces::of(path).entries, [entry.json()]);
    run(umoci(&["stat"], path, "ours").arg("--json"));

    // The same is left behind where the last image is removed.
    run(&mut umoci(&["rm"], path, "ours"));
    assert_sound(&layout);
    assert_eq!(layout.remove(&Matcher::any()).unwrap(), 0);
    layout.append(&entry, Append::default()).unwrap();
    assert_eq!(umoci_names(path), ["ours"]);
}
