//! Multi-platform indexes: others find in them what we find.

use super::tools::*;
use crate::support::{have_tools, run};
use ocilayout::{Append, Descriptor, IndexBuilder, Layout};
use std::fs;
use std::path::Path;
use std::process::Command;

/// An image whose one file says for which platform it is.
fn image_for(layout: &Layout, scratch: &Path, platform: &str) -> Descriptor {
    let name = platform.replace('/', "-");
    image(layout, platform, &tar(scratch, &name, &[("platform", platform)]))
}

fn index(layout: &Layout, manifests: &[Descriptor]) -> Descriptor {
    let mut index = IndexBuilder::new(layout);
    for manifest in manifests {
        index.manifest(manifest).unwrap();
    }
    index.finish().unwrap()
}

#[test]
fn skopeo_picks_the_image_that_we_pick() {
    if !have_tools(&["skopeo", "tar"]) {
        return;
    }
    let scratch = scratch();
    let path = scratch.path().join("layout");
    let layout = new_layout(&path);
    let platforms =
        ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "linux/s390x"];
    let images = platforms.map(|platform| image_for(&layout, scratch.path(), platform));
    // Without the platform beside it, which the index must then find out.
    let bare =
        |image: &Descriptor| Descriptor::new(image.media_type(), image.digest(), image.size());
    let multi = index(&layout, &images.each_ref().map(|image| bare(image).unwrap()));
    layout.append(&named(multi.clone(), "multi"), Append::default()).unwrap();

    let raw = run(skopeo().args(["inspect", "--raw"]).arg(oci(&path, "multi")));
    assert_eq!(raw.into_bytes(), fs::read(blob(&path, multi.digest().as_str())).unwrap());

    for (platform, image) in platforms.iter().zip(&images) {
        let found = layout.resolve("multi", Some(&platform.parse().unwrap())).unwrap();
        assert_eq!(found.digest(), image.digest(), "{platform}");

        let parts: Vec<&str> = platform.split('/').collect();
        let mut copy = skopeo();
        copy.args(["--override-os", parts[0], "--override-arch", parts[1]]);
        if let Some(variant) = parts.get(2) {
            copy.args(["--override-variant", variant]);
        }
        let picked = scratch.path().join(platform.replace('/', "-"));
        copy.args(["copy", "--quiet"]).args([oci(&path, "multi"), oci(&picked, "one")]);
        run(&mut copy);
        let picked = Layout::open(picked).unwrap().resolve("one", None).unwrap();
        assert_eq!(picked.digest(), image.digest(), "{platform}");
    }
}

#[test]
fn skopeo_copies_a_whole_index() {
    if !have_tools(&["skopeo", "tar"]) {
        return;
    }
    let scratch = scratch();
    let path = scratch.path().join("layout");
    let layout = new_layout(&path);
    let images =
        ["linux/amd64", "linux/arm64"].map(|platform| image_for(&layout, scratch.path(), platform));
    let multi = index(&layout, &images);
    layout.append(&named(multi.clone(), "multi"), Append::default()).unwrap();

    let copied = scratch.path().join("copied");
    skopeo_copy(&["--all", "--preserve-digests"], &oci(&path, "multi"), &oci(&copied, "multi"));
    assert_eq!(blobs(&copied), blobs(&path));
    let theirs = Layout::open(&copied).unwrap();
    assert_sound(&theirs);
    let found = theirs.resolve("multi", None).unwrap();
    assert_eq!(found.digest(), multi.digest());
    assert_eq!(below(&theirs, &[found]), below(&layout, &[multi]));
}

/// Both go down to the image, though skopeo copies no index of indexes.
#[test]
fn others_find_the_image_of_a_nested_index() {
    if !have_tools(&["skopeo", "umoci", "tar"]) {
        return;
    }
    let scratch = scratch();
    let path = scratch.path().join("layout");
    let layout = new_layout(&path);
    let image = image_for(&layout, scratch.path(), "linux/amd64");
    let inner = index(&layout, std::slice::from_ref(&image));
    let outer = index(&layout, std::slice::from_ref(&inner));
    layout.append(&named(outer.clone(), "nested"), Append::default()).unwrap();
    let platform = "linux/amd64".parse().unwrap();
    assert_eq!(layout.resolve("nested", Some(&platform)).unwrap().digest(), image.digest());

    let raw = run(skopeo().args(["inspect", "--raw"]).arg(oci(&path, "nested")));
    assert_eq!(parse(&raw)["manifests"][0]["digest"], inner.digest().as_str());

    let amd64 = ["--override-os", "linux", "--override-arch", "amd64"];
    let said = run(skopeo().args(amd64).arg("inspect").arg(oci(&path, "nested")));
    let layer = &layout.children(&image).unwrap()[1];
    assert_eq!(parse(&said)["Layers"], serde_json::json!([layer.digest().as_str()]));

    let bundle = scratch.path().join("bundle");
    umoci_files("unpack", &path, "nested", &[&bundle]);
    let unpacked = fs::read_to_string(bundle.join("rootfs/platform")).unwrap();
    assert_eq!(unpacked, "linux/amd64");
    run(Command::new("umoci").args(["gc", "--layout"]).arg(&path));
    assert_eq!(blobs(&path), below(&layout, &[outer]).into_iter().collect());
}
