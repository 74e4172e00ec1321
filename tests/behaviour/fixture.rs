//! Layouts and images to test with, and ways to look at them from outside.

use crate::api::{Api, CREATE, Image, Options, Source, Stored};
use crate::support::{run, spawn};
use ocilayout::Descriptor;
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const OCTETS: &str = "application/octet-stream";

/// FIPS 180-4: the digest of "abc".
pub const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
/// The same by SHA-512.
pub const ABC_512: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                           2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

/// A new layout in a folder that goes away with the first part.
pub fn layout<A: Api>() -> (TempDir, PathBuf, A) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("layout");
    let layout = A::open(&path, CREATE).unwrap();
    (scratch, path, layout)
}

/// The lock of a layout or of a stage, held as another writer does.
pub struct Held(File);

pub fn held(path: &Path) -> Held {
    let directory = File::open(path).unwrap();
    flock(&directory, FlockOperation::LockExclusive).unwrap();
    Held(directory)
}

impl Drop for Held {
    fn drop(&mut self) {
        // A child that another test forks has it as well, until it executes its program.
        flock(&self.0, FlockOperation::Unlock).unwrap();
    }
}

/// The digest of some bytes, by a tool that is not ours.
pub fn sha256(content: &[u8]) -> String {
    let mut sha256sum = Command::new("sha256sum");
    let mut child = spawn(sha256sum.stdin(Stdio::piped()).stdout(Stdio::piped()));
    child.stdin.take().unwrap().write_all(content).unwrap();
    let output = child.wait_with_output().unwrap();
    format!("sha256:{}", std::str::from_utf8(&output.stdout[..64]).unwrap())
}

pub fn blob_path(layout: &Path, digest: &str) -> PathBuf {
    let (algorithm, encoded) = digest.split_once(':').unwrap();
    layout.join("blobs").join(algorithm).join(encoded)
}

pub fn options(media_type: &str) -> Options {
    Options { media_type: Some(media_type.to_owned()), ..Options::default() }
}

pub fn put<A: Api>(layout: &A, content: &[u8], media_type: &str) -> Stored {
    layout.put(Source::Memory(content), &options(media_type)).unwrap()
}

/// A small image for linux/amd64 that is like no other of another `seed`.
pub fn image<A: Api>(layout: &A, seed: &str) -> Descriptor {
    image_for(layout, seed, "linux/amd64")
}

pub fn image_for<A: Api>(layout: &A, seed: &str, platform: &str) -> Descriptor {
    let layer = put(layout, format!("layer {seed}").as_bytes(), LAYER);
    layout
        .image(&Image {
            platform: Some(platform),
            layers: vec![(&layer, None, None)],
            ..Image::default()
        })
        .unwrap()
}

/// Stores a blob past the library, whatever it is, and tells its descriptor.
pub fn store(layout: &Path, content: impl AsRef<[u8]>, media_type: &str) -> Descriptor {
    let digest = sha256(content.as_ref());
    let path = blob_path(layout, &digest);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content.as_ref()).unwrap();
    descriptor(media_type, &digest, content.as_ref().len())
}

pub fn descriptor(media_type: &str, digest: &str, size: impl Display) -> Descriptor {
    let json = format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#);
    Descriptor::parse(json.as_bytes()).unwrap()
}

/// The text of an index of these entries.
pub fn index_of(entries: &[&Descriptor]) -> String {
    let entries: Vec<&str> = entries.iter().map(|entry| entry.json()).collect();
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, entries.join(","))
}

/// The text of a manifest.
pub fn manifest_of(config: &Descriptor, layers: &[&Descriptor]) -> String {
    let layers: Vec<&str> = layers.iter().map(|layer| layer.json()).collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
        config.json(),
        layers.join(",")
    )
}

/// Names these entries in the layout and no others, past the library.
pub fn write_index(layout: &Path, entries: &[&Descriptor]) {
    std::fs::write(layout.join("index.json"), index_of(entries)).unwrap();
}

pub fn index_json(layout: &Path) -> String {
    std::fs::read_to_string(layout.join("index.json")).unwrap()
}

/// The names of the entries, in order, read by other means than ours.
pub fn names(layout: &Path) -> Vec<String> {
    let index: serde_json::Value = serde_json::from_str(&index_json(layout)).unwrap();
    let entries = index["manifests"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
            name.as_str().unwrap_or_default().to_owned()
        })
        .collect()
}

/// All that stands under a folder: modes, kinds, and contents of files. The stages
/// of living writers are passed over, which they hold by a lock.
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let kind = metadata.file_type();
            if is_stage(&path) && is_held(&path) {
                continue;
            }
            let content = if kind.is_dir() {
                folders.push(path.clone());
                "directory".to_owned()
            } else if kind.is_file() {
                content_of(&path)
            } else if kind.is_symlink() {
                format!("link to {:?}", std::fs::read_link(&path).unwrap())
            } else {
                format!("fifo {}, socket {}", kind.is_fifo(), kind.is_socket())
            };
            let mode = metadata.permissions().mode();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            found.insert(name, format!("{mode:o} inode {} {content}", metadata.ino()));
        }
    }
    found
}

/// What a small file says, and of a large one what tells it from others.
fn content_of(path: &Path) -> String {
    let content = std::fs::read(path).unwrap();
    if content.len() <= 1 << 16 {
        return format!("{content:?}");
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(&content);
    format!("{} bytes that hash to {:x}", content.len(), hasher.finish())
}

fn is_stage(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str();
    name.is_some_and(|name| name.starts_with(".ocilayout-")) && path.is_dir()
}

pub fn is_held(folder: &Path) -> bool {
    let folder = File::open(folder).unwrap();
    let lock = flock(&folder, FlockOperation::NonBlockingLockExclusive);
    // A lock that was had is let go of for children that other tests fork, too.
    lock.map(|()| Held(folder)).is_err()
}

/// Asserts that a layout has nothing in it but what the image-spec names, and
/// that every blob is what its name says.
pub fn assert_clean(layout: &Path) {
    for name in snapshot(layout).keys() {
        let parts: Vec<&str> = name.iter().map(|part| part.to_str().unwrap()).collect();
        let digest = match parts.as_slice() {
            ["oci-layout" | "index.json" | "blobs"] | ["blobs", _] => continue,
            ["blobs", algorithm, encoded] => format!("{algorithm}:{encoded}"),
            _ => panic!("{name:?} is left in the layout"),
        };
        if digest.starts_with("sha256:") {
            assert_eq!(sha256(&std::fs::read(layout.join(name)).unwrap()), digest);
        }
    }
}

/// Makes a FIFO.
pub fn make_fifo(path: &Path) {
    run(Command::new("mkfifo").arg(path));
}

/// As many bytes as are asked for that compress as text does.
pub fn text(size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(size as u64);
    let words = ["layer", "of", "an", "image", "tar", "\n", "0000644", "/usr/share/", "\0\0\0\0"];
    let mut text = Vec::with_capacity(size + 16);
    while text.len() < size {
        let number = random.u16(..).to_string();
        for word in [words[random.usize(..words.len())], &number, " "] {
            text.extend_from_slice(word.as_bytes());
        }
    }
    text.truncate(size);
    text
}

/// As many bytes as are asked for that do not compress.
pub fn noise(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    fastrand::Rng::with_seed(size as u64).fill(&mut bytes);
    bytes
}
