//! A whole root filesystem: packed by the example in C, unpacked by others.

use super::tools::*;
use crate::support::{compile, have_tools, output, program, root, run};
use ocilayout::{Descriptor, Layout};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The example, compiled.
struct Pack {
    path: PathBuf,
    scratch: TempDir,
}

impl Pack {
    fn new() -> Self {
        let scratch = scratch();
        let path = scratch.path().join("pack");
        compile("gcc", &["-std=c11"], "examples-c/pack.c", &path);
        Self { path, scratch }
    }

    /// Packs one tar into a new layout, for a platform that is not this one by
    /// accident.
    fn run(&self, compression: &str, tar: &Path) -> PathBuf {
        let layout = self.scratch.path().join(compression);
        let mut pack = program(&self.path, self.scratch.path());
        run(pack.args(["-z", compression, "-p", "linux/s390x"]).arg(&layout).arg("root").arg(tar));
        check_blobs(&layout);
        layout
    }
}

/// The layer of the one image of a layout.
fn layer_of(layout: &Path) -> Descriptor {
    let layout = Layout::open(layout).unwrap();
    let children = layout.children(&layout.resolve("root", None).unwrap()).unwrap();
    assert_eq!(children.len(), 2, "a config and a layer");
    children[1].clone()
}

/// Has skopeo say what was packed, and copy it.
fn check_with_skopeo(layout: &Path, tar: &Path, media_type: &str) {
    let image = oci(layout, "root");
    let layer = layer_of(layout);
    assert_eq!(layer.media_type().as_str(), media_type);

    let said = skopeo_inspect(&[], &image);
    assert_eq!(said["Architecture"], "s390x");
    assert_eq!(said["Os"], "linux");
    assert_eq!(said["Layers"], serde_json::json!([layer.digest().as_str()]));
    let config = skopeo_inspect(&["--config"], &image);
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!([sha256sum(tar)]));

    // It hashes each blob and, since it is to keep the digests, changes none.
    let copied = layout.with_extension("copied");
    skopeo_copy(&["--preserve-digests"], &image, &oci(&copied, "root"));
    assert_eq!(blobs(&copied), blobs(layout));
}

/// Has umoci unpack the image, and compares what comes out with the tar.
fn check_with_umoci(layout: &Path, tar: &Path) {
    let bundle = layout.with_extension("bundle");
    umoci_files("unpack", layout, "root", &[&bundle]);
    let rootfs = bundle.join("rootfs");
    assert_eq!(differences(tar, &rootfs), Vec::<String>::new());
    assert_eq!(members(tar), files_below(&rootfs));
}

/// Where files differ from what the tar has: in their kind, mode, owner, time,
/// content or links.
fn differences(tar: &Path, folder: &Path) -> Vec<String> {
    let mut compare = Command::new("tar");
    compare.env("LC_ALL", "C").arg("--compare").arg("--numeric-owner").arg("--file").arg(tar);
    let output = output(compare.arg("--directory").arg(folder));
    assert!(output.status.code().is_some_and(|code| code < 2), "{output:?}");
    let lines = [output.stdout, output.stderr].concat();
    let lines = String::from_utf8_lossy(&lines).into_owned();
    let of_owner = |line: &str| line.ends_with(": Uid differs") || line.ends_with(": Gid differs");
    lines.lines().filter(|line| is_root() || !of_owner(line)).map(str::to_owned).collect()
}

fn members(tar: &Path) -> BTreeSet<String> {
    let mut list = Command::new("tar");
    let names = run(list.args(["--list", "--quoting-style=literal", "--file"]).arg(tar));
    let names = names.lines().map(|name| name.trim_end_matches('/').trim_start_matches("./"));
    names.filter(|name| *name != ".").map(str::to_owned).collect()
}

fn files_below(folder: &Path) -> BTreeSet<String> {
    let names = run(Command::new("find").arg(folder).args(["-mindepth", "1", "-printf", "%P\\n"]));
    names.lines().map(str::to_owned).collect()
}

#[test]
fn a_root_filesystem_comes_out_as_it_went_in() {
    if !have_tools(&["gcc", "skopeo", "umoci", "tar", "dpkg-query"]) {
        return;
    }
    let pack = Pack::new();
    let tar = pack.scratch.path().join("rootfs.tar");
    run(Command::new(root().join("tools/rootfs-tar")).arg(&tar));
    // Otherwise it is hardly a root filesystem, and the rest shows little.
    assert!(members(&tar).contains("usr/bin/cat"));
    assert!(fs::metadata(&tar).unwrap().len() > 100 << 20, "too small a root filesystem");

    let layout = pack.run("gzip", &tar);
    check_with_skopeo(&layout, &tar, "application/vnd.oci.image.layer.v1.tar+gzip");
    check_with_umoci(&layout, &tar);
}

#[test]
fn a_plain_layer_comes_out_as_it_went_in() {
    if !have_tools(&["gcc", "skopeo", "umoci", "tar"]) {
        return;
    }
    let pack = Pack::new();
    let tar = small_tar(pack.scratch.path());
    let layout = pack.run("none", &tar);
    check_with_skopeo(&layout, &tar, "application/vnd.oci.image.layer.v1.tar");
    check_with_umoci(&layout, &tar);
    assert_eq!(layer_of(&layout).digest().as_str(), sha256sum(&tar));
}

/// umoci learnt zstd late, so here it is skopeo that decompresses the layer.
#[test]
fn a_zstd_layer_comes_out_as_it_went_in() {
    if !have_tools(&["gcc", "skopeo", "tar"]) {
        return;
    }
    let pack = Pack::new();
    let tar = small_tar(pack.scratch.path());
    let layout = pack.run("zstd", &tar);
    check_with_skopeo(&layout, &tar, "application/vnd.oci.image.layer.v1.tar+zstd");
    let packed = fs::metadata(blob(&layout, layer_of(&layout).digest().as_str())).unwrap();
    assert!(packed.len() < fs::metadata(&tar).unwrap().len(), "it is not compressed");

    let folder = layout.with_extension("plain");
    let plain = format!("dir:{}", folder.display());
    skopeo_copy(&["--dest-decompress"], &oci(&layout, "root"), &plain);
    let digest = sha256sum(&tar);
    let decompressed = folder.join(digest.trim_start_matches("sha256:"));
    assert_eq!(fs::read(decompressed).unwrap(), fs::read(&tar).unwrap());
}

fn small_tar(scratch: &Path) -> PathBuf {
    let long = format!("{}/{}", "a-long-folder-name".repeat(8), "a-long-file-name".repeat(8));
    let text = "the same line again and again\n".repeat(10_000);
    tar(
        scratch,
        "small",
        &[("etc/config", "one=1\n"), ("empty", ""), ("text", &text), (&long, "x")],
    )
}
