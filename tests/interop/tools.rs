//! How the tools are asked, and small images to ask them about.

use crate::support::run;
use ocilayout::{
    BlobOptions, Compression, Descriptor, ImageBuilder, Layout, MediaType, OpenOptions,
    VerifyOptions,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Beside the build: a root filesystem may be too large for a /tmp in memory.
pub fn scratch() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// What an ordinary user unpacks belongs to that user, whatever the tar says.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A command of skopeo. Which signatures it asks for is not what is tested.
pub fn skopeo() -> Command {
    let mut command = Command::new("skopeo");
    command.arg("--insecure-policy");
    command
}

/// An image as skopeo names it.
pub fn oci(layout: &Path, name: &str) -> String {
    format!("oci:{}:{name}", layout.display())
}

/// What skopeo copies from one layout to another.
pub fn skopeo_copy(arguments: &[&str], from: &str, to: &str) {
    run(skopeo().args(["copy", "--quiet"]).args(arguments).args([from, to]));
}

/// What `skopeo inspect` says of an image.
pub fn skopeo_inspect(arguments: &[&str], image: &str) -> Value {
    parse(&run(skopeo().arg("inspect").args(arguments).arg(image)))
}

/// A command of umoci about an image.
pub fn umoci(command: &[&str], layout: &Path, name: &str) -> Command {
    let mut umoci = Command::new("umoci");
    umoci.args(command).arg("--image").arg(format!("{}:{name}", layout.display()));
    umoci
}

/// Runs a command of umoci that changes files, as whoever this is.
pub fn umoci_files(command: &str, layout: &Path, name: &str, arguments: &[&Path]) {
    let rootless: &[&str] = if is_root() { &[] } else { &["--rootless"] };
    run(umoci(&[&[command], rootless].concat(), layout, name).args(arguments));
}

/// The names that umoci finds in a layout.
pub fn umoci_names(layout: &Path) -> Vec<String> {
    let names = run(Command::new("umoci").args(["ls", "--layout"]).arg(layout));
    names.lines().map(str::to_owned).collect()
}

/// Reads what a tool said in JSON.
pub fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The digest of a file as `sha256sum` computes it.
pub fn sha256sum(path: &Path) -> String {
    let line = run(Command::new("sha256sum").arg(path));
    format!("sha256:{}", line.split_whitespace().next().unwrap())
}

/// A tar that GNU tar makes of these files: path and content.
pub fn tar(scratch: &Path, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = scratch.join(format!("{name}.files"));
    for (path, content) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let tar = scratch.join(format!("{name}.tar"));
    run(Command::new("tar")
        .args(["--create", "--sort=name", "--file"])
        .arg(&tar)
        .arg("-C")
        .args([folder.as_path(), Path::new(".")]));
    tar
}

pub fn new_layout(path: &Path) -> Layout {
    OpenOptions::new().create_new().open(path).unwrap()
}

/// Stores a tar as a layer.
pub fn layer(layout: &Layout, tar: &Path, compression: Compression) -> Descriptor {
    let mut options = BlobOptions::new().compression(compression);
    if compression == Compression::NONE {
        options = options.media_type(MediaType::IMAGE_LAYER.parse().unwrap());
    }
    layout.put(fs::File::open(tar).unwrap(), &options).unwrap()
}

/// Stores an image of one layer, that is in no index yet.
pub fn image(layout: &Layout, platform: &str, tar: &Path) -> Descriptor {
    let layer = layer(layout, tar, Compression::gzip(None).unwrap());
    let mut image = ImageBuilder::new(layout);
    image.platform(&platform.parse().unwrap()).unwrap();
    image.layer(&layer, None, Some("a test")).unwrap();
    image.finish().unwrap()
}

pub fn named(mut entry: Descriptor, name: &str) -> Descriptor {
    entry.set_reference(name).unwrap();
    entry
}

/// The digests of these descriptors, each followed by those of what it points
/// at, down to the layers.
pub fn below(layout: &Layout, descriptors: &[Descriptor]) -> Vec<String> {
    let mut digests = Vec::new();
    for descriptor in descriptors {
        digests.push(descriptor.digest().to_string());
        digests.extend(below(layout, &layout.children(descriptor).unwrap()));
    }
    digests
}

/// The digests under which blobs are stored.
pub fn blobs(layout: &Path) -> BTreeSet<String> {
    let folder = layout.join("blobs/sha256");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| format!("sha256:{}", name.to_str().unwrap())).collect()
}

/// Where a blob is stored.
pub fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}

/// Asks that a verification finds nothing.
pub fn assert_sound(layout: &Layout) {
    for options in [VerifyOptions::new(), VerifyOptions::new().quick()] {
        assert_eq!(layout.verify(&options).unwrap(), []);
    }
}

/// Has every blob hashed by `sha256sum`, and compares its name.
pub fn check_blobs(layout: &Path) {
    let blobs = blobs(layout);
    assert!(!blobs.is_empty(), "no blobs in {layout:?}");
    for digest in blobs {
        assert_eq!(sha256sum(&blob(layout, &digest)), digest);
    }
}
