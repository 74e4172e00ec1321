//! Appends an image with one layer to a layout by the crate `ocidir`:
//! `LAYOUT NAME LAYER`. Compiled by `compare.rs`, outside of this package.

use ocidir::OciDir;
use ocidir::cap_std::{ambient_authority, fs::Dir};
use ocidir::oci_spec::image::{ImageConfigurationBuilder, MediaType, Platform};
use std::error::Error;
use std::io::Write;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, name, layer] = words.as_slice() else { return Err("LAYOUT NAME LAYER".into()) };
    std::fs::create_dir_all(path)?;
    let layout = OciDir::ensure(Dir::open_ambient_dir(path, ambient_authority())?)?;

    let mut blob = layout.create_blob()?;
    blob.write_all(&std::fs::read(layer)?)?;
    let layer = blob.complete()?.descriptor().media_type(MediaType::ImageLayer).build()?;

    let mut config = ImageConfigurationBuilder::default().build()?;
    let mut rootfs = config.rootfs().clone();
    rootfs.diff_ids_mut().push(layer.digest().to_string());
    config.set_rootfs(rootfs);

    let mut manifest = layout.new_empty_manifest()?.build()?;
    manifest.layers_mut().push(layer);
    layout.insert_manifest_and_config(manifest, config, Some(name), Platform::default())?;
    Ok(())
}
