//! Layouts that are there, and what it takes to read an index at least.

use crate::{Outcome, insert_small_image, name};
use ocidir::oci_spec::image::{Descriptor, ImageIndex};
use ocidir::{OciDir, OciRead};
use serde_json::Value;

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What is told of the entries that were read: how many, the lengths of their
/// names, and the last characters of their digests.
#[derive(Default)]
struct Sums {
    entries: usize,
    names: usize,
    digests: usize,
}

impl Sums {
    fn read(&mut self, name: &str, digest: &str) {
        self.entries += 1;
        self.names += name.len();
        self.digests += digest.bytes().last().map_or(0, usize::from);
    }

    fn read_typed(&mut self, entry: &Descriptor) {
        let name = entry.annotations().as_ref().and_then(|all| all.get(REF_NAME));
        self.read(name.map_or("", String::as_str), entry.digest().as_ref());
    }

    fn print(&self) {
        println!("{} {} {}", self.entries, self.names, self.digests);
    }
}

pub fn list(layout: &OciDir) -> Outcome<()> {
    print_all(&layout.read_index()?);
    Ok(())
}

fn print_all(index: &ImageIndex) {
    let mut sums = Sums::default();
    index.manifests().iter().for_each(|entry| sums.read_typed(entry));
    sums.print();
}

pub fn resolve(layout: &OciDir, numbers: impl Iterator<Item = usize>) -> Outcome<()> {
    let mut sums = Sums::default();
    for number in numbers {
        let entry = layout.find_manifest_descriptor_with_tag(&name(number))?;
        sums.read_typed(&entry.ok_or("a name is not there")?);
    }
    sums.print();
    Ok(())
}

pub fn replace(layout: &OciDir, numbers: impl Iterator<Item = usize>, count: usize) -> Outcome<()> {
    for number in numbers {
        insert_small_image(layout, number + count, &name(number))?;
    }
    Ok(())
}

pub fn verify(layout: &OciDir) -> Outcome<()> {
    layout.fsck()?;
    Ok(())
}

/// A floor: index.json, read and parsed as what it is.
pub fn typed(layout: &str) -> Outcome<()> {
    print_all(&serde_json::from_slice(&read(layout)?)?);
    Ok(())
}

/// A floor: index.json, read and parsed as any JSON.
pub fn value(layout: &str) -> Outcome<()> {
    let index: Value = serde_json::from_slice(&read(layout)?)?;
    let mut sums = Sums::default();
    for entry in index["manifests"].as_array().ok_or("no manifests")? {
        let name = entry["annotations"][REF_NAME].as_str().unwrap_or_default();
        sums.read(name, entry["digest"].as_str().unwrap_or_default());
    }
    sums.print();
    Ok(())
}

fn read(layout: &str) -> Outcome<Vec<u8>> {
    Ok(std::fs::read(format!("{layout}/index.json"))?)
}
