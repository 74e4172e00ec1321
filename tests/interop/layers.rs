//! Layers that are compressed here, by those who decode them elsewhere.

use super::ggcr::ggcr;
use super::tools::*;
use crate::support::{have_tools, root, run};
use ocilayout::{Append, BlobOptions, Compression, ImageBuilder, Layout};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// At the edges of what is compressed at once.
const SIZES: [usize; 9] =
    [0, 1, 512 * KIB - 1, 512 * KIB, 512 * KIB + 1, MIB - 1, MIB, MIB + 1, 5 * MIB];

/// Files of each of these sizes: text, zeros and what does not compress.
fn sources(folder: &Path, sizes: &[usize]) -> Vec<PathBuf> {
    let text: Vec<u8> = (0..)
        .flat_map(|n: u32| format!("line {n}: {}\n", n % 997 * 31).into_bytes())
        .take(5 * MIB)
        .collect();
    let mut noise = vec![0; 5 * MIB];
    fastrand::Rng::with_seed(1).fill(&mut noise);
    let zeros = vec![0; 5 * MIB];
    let mut files = Vec::new();
    for (kind, content) in [("text", text), ("zeros", zeros), ("noise", noise)] {
        for size in sizes {
            let file = folder.join(format!("{kind}.{size}"));
            fs::write(&file, &content[..*size]).unwrap();
            files.push(file);
        }
    }
    files
}

/// What one program finds in each of these files: the digests of what it decodes.
fn decoded(by: &str, files: &[PathBuf]) -> Vec<String> {
    let script = r#"by=$1; shift; for file; do $by <"$file" | sha256sum; done"#;
    let said = match by {
        "go" => run(ggcr().arg("gunzip").args(files)),
        "python3" => {
            let program = "import gzip, hashlib, sys\n\
                           for name in sys.argv[1:]:\n    \
                               print(hashlib.sha256(gzip.open(name).read()).hexdigest())";
            run(Command::new("python3").args(["-c", program]).args(files))
        }
        _ => run(Command::new("sh").args(["-c", script, "sh", by]).args(files)),
    };
    said.lines().map(|line| format!("sha256:{}", &line[..64])).collect()
}

/// Stores each source, and has each program decode all blobs.
fn are_read_by(
    programs: &[&str],
    test: &[&str],
    compressions: impl IntoIterator<Item = (Compression, &'static [usize])>,
) {
    let scratch = scratch();
    let layout = new_layout(&scratch.path().join("layout"));
    let (mut files, mut expected) = (Vec::new(), Vec::new());
    for (compression, sizes) in compressions {
        for source in sources(scratch.path(), sizes) {
            let stored = layer(&layout, &source, compression);
            let of_source = sha256sum(&source);
            assert_eq!(stored.diff_id().unwrap().as_str(), of_source, "{source:?}");
            files.push(blob(layout.path(), stored.digest().as_str()));
            expected.push(of_source);
        }
    }
    check_blobs(layout.path());
    run(Command::new(test[0]).args(&test[1..]).args(&files));
    for by in programs {
        assert!(decoded(by, &files) == expected, "{by} finds something else");
    }
}

#[test]
fn every_reader_of_gzip_finds_the_source() {
    if !have_tools(&["gzip", "zcat", "pigz", "python3", "go", "bsdcat"]) {
        return;
    }
    let levels = [0, 1, 6, 9].map(|level| (Compression::gzip(Some(level)).unwrap(), &SIZES[..]));
    let programs = ["gzip -dc", "zcat", "pigz -dc", "python3", "go", "bsdcat"];
    are_read_by(&programs, &["gzip", "--test"], levels);
}

#[test]
fn every_reader_of_zstd_finds_the_source() {
    if !have_tools(&["zstd", "bsdcat"]) {
        return;
    }
    let slow = &SIZES[3..=5];
    let levels = [(1, &SIZES[..]), (3, &SIZES[..]), (19, slow)]
        .map(|(level, sizes)| (Compression::zstd(Some(level)).unwrap(), sizes));
    are_read_by(&["zstd -dc", "bsdcat"], &["zstd", "--test", "--quiet"], levels);
}

/// Stores a tar as the layer of an image, and names that.
fn image_of(layout: &Layout, tar: &Path, compression: Compression) {
    layout.set_threads(3);
    let options = BlobOptions::new().compression(compression);
    let layer = layout.put(fs::File::open(tar).unwrap(), &options).unwrap();
    let mut image = ImageBuilder::new(layout);
    image.platform(&"linux/amd64".parse().unwrap()).unwrap();
    image.layer(&layer, None, None).unwrap();
    let entry = named(image.finish().unwrap(), "image");
    layout.append(&entry, Append::default()).unwrap();
    assert_sound(layout);
}

/// A real tar, of the sources of this library and what was built of them.
#[test]
fn a_tar_comes_out_of_an_image_as_it_went_in() {
    if !have_tools(&["tar", "bsdtar", "skopeo"]) {
        return;
    }
    let scratch = scratch();
    let tar = scratch.path().join("sources.tar");
    let folders = ["src", "tests", "include", "Cargo.lock"];
    run(Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(root()).args(folders));
    let (content, digest) = (fs::read(&tar).unwrap(), sha256sum(&tar));
    assert!(content.len() > MIB, "more than one piece");
    let listed = run(Command::new("tar").arg("-tf").arg(&tar));
    let compressions = [
        Compression::gzip(Some(1)),
        Compression::gzip(Some(9)),
        Compression::zstd(Some(3)),
        Compression::zstd(Some(19)),
    ];
    for (n, compression) in compressions.into_iter().enumerate() {
        let layout = new_layout(&scratch.path().join(format!("layout{n}")));
        image_of(&layout, &tar, compression.unwrap());
        let manifest = layout.resolve("image", None).unwrap();
        let layer = layout.children(&manifest).unwrap().pop().unwrap();
        let stored = blob(layout.path(), layer.digest().as_str());
        assert!(layer.size() < content.len() as u64 / 2, "it is compressed");
        // GNU tar and libarchive know the compression by its first bytes.
        assert_eq!(run(Command::new("bsdtar").arg("-tf").arg(&stored)), listed);
        run(Command::new("tar").arg("--compare").arg("-f").arg(&stored).arg("-C").arg(root()));

        let copied = scratch.path().join(format!("copied{n}"));
        let (from, to) = (oci(layout.path(), "image"), format!("dir:{}", copied.display()));
        skopeo_copy(&[], &from, &to);
        let name = layer.digest().encoded();
        assert_eq!(fs::read(copied.join(name)).unwrap(), fs::read(&stored).unwrap());
        skopeo_copy(&["--dest-decompress"], &from, &to);
        let decoded = copied.join(digest.strip_prefix("sha256:").unwrap());
        assert!(fs::read(&decoded).unwrap() == content, "skopeo finds something else");
    }
}
