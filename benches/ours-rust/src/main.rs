//! The same as `ours.c`, without the C ABI between: what of its time is the ABI's.
//! All is durable, and levels are the defaults.

use ocilayout::{
    Append, BlobOptions, Compression, Descriptor, ImageBuilder, Layout, MediaType, OpenOptions,
    Result, Source, Watch,
};
use std::fs::File;
use std::path::Path;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Err(error) = run(&words) {
        eprintln!("ours-rust: {error}");
        std::process::exit(1);
    }
}

fn run(words: &[&str]) -> std::result::Result<(), Box<dyn std::error::Error>> {
    match words {
        ["layer", layout, tar, compression] => {
            let compression = match *compression {
                "gzip" => Compression::gzip(None)?,
                "zstd" => Compression::zstd(None)?,
                _ => return Err("neither gzip nor zstd".into()),
            };
            put_layer(&open(layout)?, File::open(tar)?, compression)?;
        }
        ["blobs", layout, paths @ ..] => put_blobs(&open(layout)?, paths)?,
        ["batch", layout, count] => {
            let transaction = open(layout)?.begin()?;
            put_images(&transaction, count.parse()?)?;
            transaction.commit()?;
        }
        _ => {
            return Err("layer LAYOUT TAR gzip|zstd | blobs LAYOUT BLOB... \
                        | batch LAYOUT COUNT"
                .into());
        }
    }
    Ok(())
}

fn open(path: &str) -> Result<Layout> {
    OpenOptions::new().create().open(path)
}

fn new_image(layout: &Layout) -> Result<ImageBuilder> {
    let mut image = ImageBuilder::new(layout);
    image.platform(&"linux/amd64".parse()?)?;
    Ok(image)
}

fn append(layout: &Layout, image: &ImageBuilder, name: &str) -> Result<()> {
    let mut manifest = image.finish()?;
    manifest.set_reference(name)?;
    layout.append(&manifest, Append::new())
}

fn put_layer(layout: &Layout, tar: File, compression: Compression) -> Result<()> {
    let layer = layout.put(tar, &BlobOptions::new().compression(compression))?;
    let mut image = new_image(layout)?;
    image.layer(&layer, None, Some("bench"))?;
    append(layout, &image, "image")
}

/// Puts files whose names are their digests, a dash, and their diff IDs.
fn put_blobs(
    layout: &Layout,
    paths: &[&str],
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (mut sources, mut diff_ids) = (Vec::new(), Vec::new());
    for path in paths {
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (digest, diff_id) = name.split_once('-').ok_or("its name is no pair of digests")?;
        let options = BlobOptions::new()
            .media_type(MediaType::IMAGE_LAYER_GZIP.parse()?)
            .expected_digest(&format!("sha256:{digest}").parse()?)?
            .expected_size(std::fs::metadata(path)?.len())?;
        sources.push((Source::Path(path.into()), options));
        diff_ids.push(format!("sha256:{diff_id}").parse()?);
    }
    let layers: Vec<Descriptor> = layout.put_all(sources, 0, &mut Watch::none())?;
    let mut image = new_image(layout)?;
    for (layer, diff_id) in layers.iter().zip(&diff_ids) {
        image.layer(layer, Some(diff_id), Some("bench"))?;
    }
    Ok(append(layout, &image, "image")?)
}

fn put_images(layout: &Layout, count: usize) -> Result<()> {
    let options = BlobOptions::new().media_type(MediaType::IMAGE_LAYER.parse()?);
    for number in 0..count {
        let layer = layout.put(format!("{number:<1024}").as_bytes(), &options)?;
        let mut image = new_image(layout)?;
        image.layer(&layer, None, Some("bench"))?;
        append(layout, &image, &format!("image-{number}"))?;
    }
    Ok(())
}
