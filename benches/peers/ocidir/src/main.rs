//! Does with the crate `ocidir` what the benchmarks measure. Each verb makes,
//! edits or reads one layout, but for `typed` and `value`, the floors of reading.

mod index;

use ocidir::cap_std::{ambient_authority, fs::Dir};
use ocidir::oci_spec::image::{Descriptor, ImageConfigurationBuilder, MediaType, Platform};
use ocidir::{Layer, OciDir};
use std::fs::File;
use std::io::{Read, Write, copy};
use std::path::Path;
use std::str::FromStr;
use std::thread;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["gzip", layout, tar] => gzip(&open(layout)?, tar, None),
        ["gzip", layout, tar, level] => gzip(&open(layout)?, tar, Some(level.parse()?)),
        ["zstd", layout, tar, workers] => zstd(&open(layout)?, tar, workers.parse()?),
        ["blobs", layout, blobs @ ..] => blobs_each_by_a_thread(&open(layout)?, blobs),
        ["images", layout, count] => images(&open(layout)?, count.parse()?),
        ["list", layout] => index::list(&open(layout)?),
        ["resolve", layout, count, step] => {
            index::resolve(&open(layout)?, (0..count.parse()?).step_by(step.parse()?))
        }
        ["replace", layout, count, step] => {
            let count = count.parse()?;
            index::replace(&open(layout)?, (0..count).step_by(step.parse()?), count)
        }
        ["verify", layout] => index::verify(&open(layout)?),
        ["typed", layout] => index::typed(layout),
        ["value", layout] => index::value(layout),
        _ => Err("gzip LAYOUT TAR [LEVEL] | zstd LAYOUT TAR WORKERS | blobs LAYOUT BLOB... \
                  | images LAYOUT COUNT | resolve|replace LAYOUT COUNT STEP \
                  | list|verify|typed|value LAYOUT"
            .into()),
    }
}

fn open(path: &str) -> Outcome<OciDir> {
    std::fs::create_dir_all(path)?;
    Ok(OciDir::ensure(Dir::open_ambient_dir(path, ambient_authority())?)?)
}

/// Names an image of layers, each with its diff ID.
fn insert(layout: &OciDir, name: &str, layers: Vec<(Descriptor, String)>) -> Outcome<()> {
    let mut config = ImageConfigurationBuilder::default().build()?;
    let mut manifest = layout.new_empty_manifest()?.build()?;
    let mut rootfs = config.rootfs().clone();
    for (layer, diff_id) in layers {
        manifest.layers_mut().push(layer);
        rootfs.diff_ids_mut().push(diff_id);
    }
    config.set_rootfs(rootfs);
    layout.insert_manifest_and_config(manifest, config, Some(name), Platform::default())?;
    Ok(())
}

fn insert_layer(layout: &OciDir, layer: Layer) -> Outcome<()> {
    let diff_id = layer.uncompressed_sha256_as_digest().to_string();
    insert(layout, "image", vec![(layer.descriptor().build()?, diff_id)])
}

fn gzip(layout: &OciDir, tar: &str, level: Option<u32>) -> Outcome<()> {
    let mut layer = layout.create_gzip_layer(level.map(flate2::Compression::new))?;
    copy(&mut File::open(tar)?, &mut layer)?;
    insert_layer(layout, layer.complete()?)
}

fn zstd(layout: &OciDir, tar: &str, workers: u32) -> Outcome<()> {
    let mut layer = layout.create_layer_zstd_multithread(Some(3), workers)?;
    copy(&mut File::open(tar)?, &mut layer)?;
    insert_layer(layout, layer.complete()?)
}

fn blobs_each_by_a_thread(layout: &OciDir, paths: &[&str]) -> Outcome<()> {
    let layers: Outcome<Vec<_>> = thread::scope(|scope| {
        let threads: Vec<_> =
            paths.iter().map(|path| scope.spawn(move || put_blob(layout, path))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a panic")).collect()
    });
    insert(layout, "image", layers?)
}

/// Puts a file whose name is its digest, a dash, and its diff ID.
fn put_blob(layout: &OciDir, path: &str) -> Outcome<(Descriptor, String)> {
    let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (digest, diff_id) = name.split_once('-').ok_or("its name is no pair of digests")?;
    let mut file = File::open(path)?;
    let digest = ocidir::oci_spec::image::Digest::from_str(&format!("sha256:{digest}"))?;
    let expected = Descriptor::new(MediaType::ImageLayerGzip, file.metadata()?.len(), digest);

    let mut blob = layout.create_blob()?;
    let mut piece = vec![0; 128 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => blob.write_all(&piece[..read])?,
        }
    }
    blob.complete_verified_as(&expected)?;
    Ok((expected, format!("sha256:{diff_id}")))
}

/// Appends small images one by one.
fn images(layout: &OciDir, count: usize) -> Outcome<()> {
    for number in 0..count {
        insert_small_image(layout, number, &name(number))?;
    }
    Ok(())
}

/// Names the small image of a number, also where the name is there.
fn insert_small_image(layout: &OciDir, number: usize, name: &str) -> Outcome<()> {
    let mut blob = layout.create_blob()?;
    blob.write_all(format!("{number:<1024}").as_bytes())?;
    let layer = blob.complete()?.descriptor().media_type(MediaType::ImageLayer).build()?;
    let diff_id = layer.digest().to_string();
    insert(layout, name, vec![(layer, diff_id)])
}

fn name(number: usize) -> String {
    format!("image-{number}")
}
