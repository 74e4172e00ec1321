//! Sources that are compressed already.

use crate::api::{Api, Kind, Options, Source};
use crate::blobs::decompressed;
use crate::both;
use crate::fixture::{blob_path, layout, sha256, snapshot};
use ocilayout::SourceCompression::{self, Detect, Gzip, Zstd};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

const TOOLS: [(&str, SourceCompression); 2] = [("gzip", Gzip), ("zstd", Zstd)];

fn tools_are_there() -> bool {
    crate::support::have_tools(&["gzip", "zstd"])
}

/// Neither random nor repetitive, and of more than one piece.
fn content() -> Vec<u8> {
    (0..1_500_000_u64)
        .map(|n| (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 33) as u8 & 0x3f)
        .collect()
}

/// Compresses by a tool that is not ours.
fn compressed(tool: &str, content: &[u8]) -> Vec<u8> {
    let mut command = Command::new(tool);
    command.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = crate::support::spawn(&mut command);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut made = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(content).unwrap());
        stdout.read_to_end(&mut made).unwrap();
    });
    assert!(child.wait().unwrap().success());
    made
}

fn from(source: SourceCompression) -> Options {
    Options { source, ..Options::default() }
}

fn what_is_passed_through_gets_its_diff_id<A: Api>() {
    if !tools_are_there() {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let content = content();
    for (tool, compression) in TOOLS {
        let whole = compressed(tool, &content);
        // Several members or frames are one stream.
        let (first, second) = content.split_at(700_000);
        let parts = [compressed(tool, first), compressed(tool, second)].concat();
        for given in [&whole, &parts] {
            for source in [compression, Detect] {
                for piece in [1 << 20, 4001, 3] {
                    let stored = layout.put(Source::Push(given, piece), &from(source)).unwrap();
                    assert_eq!(stored.descriptor.digest().as_str(), sha256(given));
                    assert_eq!(stored.diff_id, Some(sha256(&content)));
                    let media_type = stored.descriptor.media_type().as_str();
                    assert_eq!(media_type, format!("{LAYER}+{tool}"));
                    let blob = blob_path(&path, stored.descriptor.digest().as_str());
                    assert!(std::fs::read(blob).unwrap() == **given);
                }
            }
        }
    }
}

fn what_is_not_compressed_is_content_where_that_may_be<A: Api>() {
    let (_scratch, _, layout) = layout::<A>();
    for content in [&b""[..], b"a", b"abc", b"\x1f\x8b", b"\x1f\x8b\x07abc", &content()] {
        let stored = layout.put(Source::Memory(content), &from(Detect)).unwrap();
        assert_eq!(stored.descriptor.digest().as_str(), sha256(content));
        assert_eq!(stored.diff_id, None);
        let gzip = Options { gzip: Some(1), ..from(Detect) };
        let stored = layout.put(Source::Memory(content), &gzip).unwrap();
        assert_eq!(stored.diff_id, Some(sha256(content)));
        let plain = Options { plain: true, ..from(Detect) };
        let stored = layout.put(Source::Memory(content), &plain).unwrap();
        assert_eq!(stored.descriptor.media_type().as_str(), LAYER);
        assert_eq!(stored.descriptor.digest().as_str(), sha256(content));
        assert_eq!(stored.diff_id, Some(sha256(content)));
    }
}

fn a_source_is_recoded<A: Api>() {
    if !tools_are_there() {
        return;
    }
    let (scratch, path, layout) = layout::<A>();
    let content = content();
    for (tool, compression) in TOOLS {
        let file = scratch.path().join("source");
        std::fs::write(&file, compressed(tool, &content)).unwrap();
        for source in [compression, Detect] {
            let gzip = Options { gzip: Some(6), ..from(source) };
            let zstd = Options { zstd: Some(3), ..from(source) };
            let plain = Options { plain: true, ..from(source) };
            for (options, made) in [(gzip, "+gzip"), (zstd, "+zstd"), (plain, "")] {
                let given = Source::File(File::open(&file).unwrap());
                let stored = layout.put(given, &options).unwrap();
                assert_eq!(stored.diff_id, Some(sha256(&content)));
                let media_type = stored.descriptor.media_type().as_str();
                assert_eq!(media_type, format!("{LAYER}{made}"));
                let digest = stored.descriptor.digest().as_str();
                let blob = blob_path(&path, digest);
                let decoded = match made.strip_prefix('+') {
                    Some(tool) => decompressed(tool, &blob),
                    None => std::fs::read(&blob).unwrap(),
                };
                assert!(decoded == content);
                // The bytes are those that the content itself gives.
                let same = Options { source: SourceCompression::None, ..options };
                let same = layout.put(Source::Memory(&content), &same).unwrap();
                assert_eq!(same.descriptor.digest().as_str(), digest);
            }
        }
    }
}

fn damaged_sources_are_refused<A: Api>() {
    if !tools_are_there() {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let content = content();
    layout.put(Source::Memory(b"before"), &Options::default()).unwrap();
    let before = snapshot(&path);
    for (tool, compression) in TOOLS {
        let sound = compressed(tool, &content);
        let half = &sound[..sound.len() / 2];
        let short = &sound[..sound.len() - 1];
        let mut flipped = sound.clone();
        flipped[sound.len() / 2] ^= 1;
        let longer = [&sound[..], b"more than there should be"].concat();
        let other = compressed(if tool == "gzip" { "zstd" } else { "gzip" }, &content);
        for damaged in [half, short, &flipped, &longer, &other, b"", b"plain", &content] {
            for options in [
                from(compression),
                Options { zstd: Some(3), ..from(compression) },
                Options { gzip: Some(1), ..from(compression) },
                Options { plain: true, ..from(compression) },
            ] {
                let failure = layout.put(Source::Memory(damaged), &options).unwrap_err();
                assert_eq!(failure.kind, Kind::Format, "{}", failure.message);
                assert!(failure.message.starts_with("the source: "), "{}", failure.message);
                assert!(failure.message.contains(tool), "{}", failure.message);
                assert_eq!(snapshot(&path), before);
            }
        }
        for damaged in [half, short, &flipped] {
            let failure = layout.put(Source::Memory(damaged), &from(Detect)).unwrap_err();
            assert_eq!(failure.kind, Kind::Format, "{}", failure.message);
        }
        assert_eq!(snapshot(&path), before);
    }
}

fn media_types_of_another_compression_are_refused<A: Api>() {
    if !tools_are_there() {
        return;
    }
    let (_scratch, path, layout) = layout::<A>();
    let before = snapshot(&path);
    for (tool, compression) in TOOLS {
        let other = if tool == "gzip" { "zstd" } else { "gzip" };
        for source in [compression, Detect] {
            for media_type in [LAYER.to_owned(), format!("{LAYER}+{other}")] {
                let options = Options { media_type: Some(media_type), ..from(source) };
                let given = compressed(tool, b"content");
                let failure = layout.put(Source::Memory(&given), &options).unwrap_err();
                assert_eq!(failure.kind, Kind::Invalid, "{}", failure.message);
                assert_eq!(snapshot(&path), before);
            }
        }
    }
}

both!(
    what_is_passed_through_gets_its_diff_id,
    what_is_not_compressed_is_content_where_that_may_be,
    a_source_is_recoded,
    damaged_sources_are_refused,
    media_types_of_another_compression_are_refused,
);
