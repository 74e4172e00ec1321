//! The examples in C and C++: each is compiled as whoever copies it would, and
//! run for real. What they did is asked of `sha256sum`, `tar` and the JSON.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use support::{build_go, compile, have_tools, output, program, root, run};
use tempfile::TempDir;

const SOURCES: [&str; 10] = [
    "append-layer.c",
    "directory.c",
    "index.cpp",
    "list.c",
    "model.c",
    "multi-platform.c",
    "pack.c",
    "remove.c",
    "stream.c",
    "tag.c",
];

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A folder with some examples compiled, and two tars to pack.
struct Bench(TempDir);

impl Bench {
    /// None if the tools are not here.
    fn new(programs: &[&str]) -> Option<Self> {
        if !have_tools(&["gcc", "g++", "tar", "gzip", "sha256sum"]) {
            return None;
        }
        let bench = Self(tempfile::tempdir().unwrap());
        for name in programs {
            let (compiler, standard, extension) =
                if *name == "index" { ("g++", "c++17", "cpp") } else { ("gcc", "c11", "c") };
            let source = format!("examples-c/{name}.{extension}");
            compile(compiler, &[&format!("-std={standard}")], source, &bench.path(name));
        }
        bench.tar("root.tar", &[("bin/hello", "#!/bin/sh\necho hello\n"), ("etc/motd", "welcome")]);
        bench.tar("more.tar", &[("etc/more", "more of it")]);
        Some(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn tar(&self, name: &str, files: &[(&str, &str)]) {
        let folder = self.path("files").join(name);
        for (path, content) in files {
            fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
            fs::write(folder.join(path), content).unwrap();
        }
        let paths = files.iter().map(|(path, _)| path);
        run(Command::new("tar").arg("cf").arg(self.path(name)).arg("-C").arg(folder).args(paths));
    }

    /// A run of an example, in the folder.
    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = program(self.path(name), self.0.path());
        command.current_dir(self.0.path()).args(arguments);
        command
    }

    /// Runs an example that is to succeed in silence, and says what it printed.
    fn run(&self, name: &str, arguments: &[&str]) -> String {
        let output = output(&mut self.command(name, arguments));
        assert_eq!(text(&output.stderr), "", "{name} {arguments:?}");
        assert!(output.status.success(), "{name} {arguments:?}: {}", output.status);
        text(&output.stdout).trim_end().to_owned()
    }

    /// Runs an example that is to fail, and says the one line that says why.
    fn fails(&self, name: &str, arguments: &[&str]) -> String {
        complaint(name, &output(&mut self.command(name, arguments)))
    }

    /// Packs the first tar as the image `name`.
    fn pack(&self, name: &str, platform: &str) -> String {
        self.run("pack", &["-p", platform, "layout", name, "root.tar"])
    }

    fn entries(&self) -> Vec<Value> {
        let index = fs::read(self.path("layout/index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        index["manifests"].as_array().unwrap().clone()
    }

    /// The entries as name and digest.
    fn names(&self) -> Vec<(String, String)> {
        let name = |entry: &Value| entry["annotations"][REF_NAME].as_str().unwrap().to_owned();
        self.entries().iter().map(|entry| (name(entry), digest_of(entry))).collect()
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.path("layout/blobs").join(digest.replace(':', "/"))
    }

    fn document(&self, digest: &str) -> Value {
        serde_json::from_slice(&fs::read(self.blob(digest)).unwrap()).unwrap()
    }

    /// The manifest and the config of an image.
    fn image(&self, digest: &str) -> (Value, Value) {
        let manifest = self.document(digest);
        let config = self.document(&digest_of(&manifest["config"]));
        (manifest, config)
    }

    /// The digest of a file, by the word of another program.
    fn sha256(&self, name: &str) -> String {
        sha256(&self.path(name))
    }

    /// All that is in the layout, where each blob must be what its name says.
    fn content(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut content = BTreeMap::new();
        let mut folders = vec![self.path("layout")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.parent().unwrap().ends_with("blobs/sha256") {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    assert_eq!(sha256(&path), format!("sha256:{name}"));
                }
                let bytes = fs::read(&path).unwrap();
                content.insert(path, bytes);
            }
        }
        content
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn sha256(path: &Path) -> String {
    let line = run(Command::new("sha256sum").arg("-b").arg(path));
    format!("sha256:{}", line.split(' ').next().unwrap())
}

/// What comes out of a command that reads the file.
fn through(command: &[&str], path: &Path) -> Vec<u8> {
    let (program, arguments) = command.split_first().unwrap();
    let input = File::open(path).unwrap();
    Command::new(program).args(arguments).stdin(input).output().unwrap().stdout
}

fn digest_of(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().to_owned()
}

fn complaint(name: &str, output: &Output) -> String {
    let line = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{name}: {line}");
    assert_eq!(text(&output.stdout), "", "{name}: {line}");
    assert_eq!(line.matches('\n').count(), 1, "one line: {line}");
    assert!(line.starts_with(&format!("{name}: ")), "{line}");
    line
}

fn assert_says(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "expected {word:?} in {line:?}");
    }
}

/// The platform of this machine in the words of images.
fn own_platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("{}/{architecture}", std::env::consts::OS)
}

#[test]
fn each_example_is_tested_and_says_how_to_use_it() {
    let mut found: Vec<String> = fs::read_dir(root().join("examples-c"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "common.h")
        .collect();
    found.sort();
    assert_eq!(found, SOURCES, "an example that is not tested, or gone");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for source in SOURCES {
        assert!(readme.contains(&format!("`{source}`")), "{source} is not in the README");
        let text = fs::read_to_string(root().join("examples-c").join(source)).unwrap();
        let comment = text.lines().take_while(|line| !line.starts_with('#')).collect::<Vec<_>>();
        let comment = comment.join("\n");
        let name = Path::new(source).file_stem().unwrap().to_str().unwrap();
        for part in [
            &format!(" {name}: "),
            &format!("    {name} "),
            "$(pkg-config --cflags --libs ocilayout)",
        ] {
            assert!(comment.contains(part), "{source}: expected {part:?} in the first comment");
        }
    }
}

/// Compiles all examples by every standard that they promise.
fn compile_all(c: &str, cpp: &str) {
    let scratch = tempfile::tempdir().unwrap();
    for source in SOURCES {
        let (compiler, standards) =
            if source.ends_with(".c") { (c, ["c99", "c11"]) } else { (cpp, ["c++17", "c++20"]) };
        for standard in standards {
            let flags = [&format!("-std={standard}"), "-O2", "-Wshadow"];
            let source = Path::new("examples-c").join(source);
            compile(compiler, &flags, source, &scratch.path().join("program"));
        }
    }
}

#[test]
fn gcc_has_no_objections() {
    if have_tools(&["gcc", "g++"]) {
        compile_all("gcc", "g++");
    }
}

#[test]
fn clang_has_no_objections() {
    if have_tools(&["clang", "clang++"]) {
        compile_all("clang", "clang++");
    }
}

#[test]
fn a_wrong_usage_is_explained() {
    let names = SOURCES.map(|source| source.split('.').next().unwrap());
    let Some(bench) = Bench::new(&names) else { return };
    for name in names {
        let output = output(&mut bench.command(name, &[]));
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert_eq!(text(&output.stdout), "", "{name}");
        assert_says(&text(&output.stderr), &[&format!("usage: {name} "), "LAYOUT"]);
    }
    for arguments in [
        &["-z", "lzma", "layout", "app", "root.tar"][..],
        &["-l", "best", "layout", "app", "root.tar"],
        &["-l", "", "layout", "app", "root.tar"],
        &["-x", "layout", "app", "root.tar"],
        &["layout", "app"],
    ] {
        let output = output(&mut bench.command("pack", arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    assert!(!bench.path("layout").exists());
}

#[test]
fn a_layout_that_is_not_there_is_named_and_not_made() {
    let Some(bench) = Bench::new(&["list", "tag", "remove", "append-layer", "index"]) else {
        return;
    };
    for (name, arguments) in [
        ("list", &["nowhere"][..]),
        ("tag", &["nowhere", "app", "latest"]),
        ("remove", &["nowhere", "app"]),
        ("append-layer", &["nowhere", "app", "root.tar"]),
        ("index", &["nowhere", "all", "app"]),
    ] {
        assert_says(&bench.fails(name, arguments), &["nowhere"]);
        assert!(!bench.path("nowhere").exists(), "{name}");
    }
}

#[test]
fn a_name_that_is_not_there_is_named_and_nothing_changes() {
    let Some(bench) = Bench::new(&["pack", "list", "tag", "remove", "append-layer", "index"])
    else {
        return;
    };
    bench.pack("app", "linux/amd64");
    let before = bench.content();
    for (name, arguments) in [
        ("list", &["layout", "ghost"][..]),
        ("tag", &["layout", "ghost", "latest"]),
        ("remove", &["layout", "ghost"]),
        ("append-layer", &["layout", "ghost", "more.tar"]),
        ("append-layer", &["-p", "linux/s390x", "layout", "app", "more.tar", "ghost"]),
        ("index", &["layout", "all", "app", "ghost"]),
    ] {
        let line = bench.fails(name, arguments);
        assert_says(&line, &[if arguments.contains(&"-p") { "linux/s390x" } else { "ghost" }]);
        assert_eq!(bench.content(), before, "{name} {arguments:?}");
    }
}

#[test]
fn output_that_is_lost_is_a_failure() {
    let Some(bench) = Bench::new(&["pack", "list", "index"]) else { return };
    bench.pack("app", "linux/amd64");
    for (name, arguments) in [
        ("pack", &["layout", "app2", "root.tar"][..]),
        ("list", &["layout"]),
        ("index", &["layout", "all", "app"]),
    ] {
        let mut command = bench.command(name, arguments);
        let output = command.stdout(File::create("/dev/full").unwrap()).output().unwrap();
        assert_says(&complaint(name, &output), &["standard output"]);
    }
}

#[test]
fn pack_makes_an_image() {
    let Some(bench) = Bench::new(&["pack"]) else { return };
    let digest = bench.run(
        "pack",
        &[
            "-p",
            "linux/arm/v7",
            "-e",
            "/bin/hello",
            "-e",
            "-v",
            "-c",
            "wide world",
            "layout",
            "app:1",
            "root.tar",
            "more.tar",
        ],
    );
    let [entry] = bench.entries().try_into().unwrap();
    assert_eq!(
        entry,
        json!({
            "mediaType": IMAGE,
            "digest": digest,
            "size": fs::metadata(bench.blob(&digest)).unwrap().len(),
            "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
            "annotations": {REF_NAME: "app:1"},
        })
    );
    let (manifest, config) = bench.image(&digest);
    assert_eq!(config["os"], "linux");
    assert_eq!(config["architecture"], "arm");
    assert_eq!(config["variant"], "v7");
    assert_eq!(
        config["config"],
        json!({"Entrypoint": ["/bin/hello", "-v"], "Cmd": ["wide world"]})
    );
    let plain = [bench.sha256("root.tar"), bench.sha256("more.tar")];
    assert_eq!(config["rootfs"], json!({"type": "layers", "diff_ids": plain}));
    let layers = manifest["layers"].as_array().unwrap();
    let listed = ["bin/hello\netc/motd\n", "etc/more\n"];
    assert_eq!(layers.len(), listed.len());
    for (layer, listed) in layers.iter().zip(listed) {
        assert_eq!(layer["mediaType"], format!("{LAYER}+gzip"));
        let blob = bench.blob(&digest_of(layer));
        assert_eq!(run(Command::new("tar").arg("tzf").arg(blob)), listed);
    }
    assert_eq!(bench.content().len(), 2 + 4, "oci-layout, index.json and four blobs");
}

#[test]
fn pack_compresses_as_it_is_told() {
    let Some(bench) = Bench::new(&["pack"]) else { return };
    if !have_tools(&["zstd"]) {
        return;
    }
    let plain = fs::read(bench.path("root.tar")).unwrap();
    let mut sizes = Vec::new();
    for (arguments, suffix, decompress) in [
        (&["-z", "none"][..], "", &["cat"][..]),
        (&["-z", "gzip", "-l", "0"], "+gzip", &["gzip", "-dc"]),
        (&["-z", "gzip", "-l", "9"], "+gzip", &["gzip", "-dc"]),
        (&["-z", "zstd"], "+zstd", &["zstd", "-dc"]),
    ] {
        let digest = bench.run("pack", &[arguments, &["layout", "app", "root.tar"]].concat());
        let (manifest, config) = bench.image(&digest);
        assert_eq!(manifest["layers"][0]["mediaType"], format!("{LAYER}{suffix}"));
        assert_eq!(config["rootfs"]["diff_ids"], json!([bench.sha256("root.tar")]));
        let stored = through(decompress, &bench.blob(&digest_of(&manifest["layers"][0])));
        assert!(stored == plain, "{arguments:?}: not the tar that was packed");
        sizes.push(manifest["layers"][0]["size"].as_u64().unwrap());
    }
    assert!(sizes[1] > sizes[0] && sizes[2] < sizes[0], "the level does not count: {sizes:?}");
    bench.content();
}

#[test]
fn pack_takes_the_place_of_the_same_name() {
    let Some(bench) = Bench::new(&["pack"]) else { return };
    bench.pack("one", "linux/amd64");
    let two = bench.pack("two", "linux/amd64");
    let one = bench.run("pack", &["-p", "linux/s390x", "layout", "one", "more.tar"]);
    assert_eq!(bench.names(), [("one".into(), one), ("two".into(), two)]);
}

#[test]
fn pack_asks_the_machine_for_its_platform() {
    let Some(bench) = Bench::new(&["pack"]) else { return };
    let digest = bench.run("pack", &["layout", "app", "root.tar"]);
    let (_, config) = bench.image(&digest);
    let said = |part: &str| config[part].as_str().unwrap().to_owned();
    assert_eq!(format!("{}/{}", said("os"), said("architecture")), own_platform());
    assert_eq!(config.get("config"), None, "nothing was said of what it runs");
}

#[test]
fn pack_takes_a_pipe() {
    let Some(bench) = Bench::new(&["pack"]) else { return };
    let mut child = bench
        .command("pack", &["-p", "linux/amd64", "layout", "piped", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    for piece in fs::read(bench.path("root.tar")).unwrap().chunks(700) {
        pipe.write_all(piece).unwrap();
    }
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout).trim_end(), bench.pack("filed", "linux/amd64"));
}

#[test]
fn pack_refuses_what_would_be_no_layer() {
    let Some(bench) = Bench::new(&["pack", "append-layer"]) else { return };
    if !have_tools(&["zstd"]) {
        return;
    }
    run(Command::new("gzip").arg("-k").arg(bench.path("root.tar")));
    run(Command::new("zstd").arg("-q").arg(bench.path("root.tar")));
    let tar = fs::read(bench.path("root.tar")).unwrap();
    fs::write(bench.path("empty"), "").unwrap();
    fs::write(bench.path("cut.tar"), &tar[..511]).unwrap();
    fs::write(bench.path("flipped.tar"), [&tar[..10], b"!", &tar[11..]].concat()).unwrap();
    let bad = [
        ("root.tar.gz", "gzip; decompress it"),
        ("root.tar.zst", "zstd; decompress it"),
        ("pack", "not a tar"),
        ("empty", "not a tar"),
        ("cut.tar", "not a tar"),
        ("flipped.tar", "not a tar"),
        ("files", "Is a directory"),
        ("missing.tar", "No such file"),
    ];
    for (path, why) in bad {
        assert_says(&bench.fails("pack", &["layout", "app", "root.tar", path]), &[path, why]);
        assert!(!bench.path("layout").exists(), "{path}: a layout was made of nothing");
    }
    bench.pack("app", "linux/amd64");
    let before = bench.content();
    for (path, why) in bad {
        for none in [&[][..], &["-z", "none"]] {
            let arguments = [none, &["layout", "app", "root.tar", path]].concat();
            assert_says(&bench.fails("pack", &arguments), &[path, why]);
        }
        assert_says(&bench.fails("append-layer", &["layout", "app", path]), &[path, why]);
        assert_eq!(bench.content(), before, "{path}");
    }
}

#[test]
fn pack_takes_a_tar_without_files() {
    let Some(bench) = Bench::new(&["pack"]) else { return };
    run(Command::new("tar").args(["cf", "none.tar", "-T", "/dev/null"]).current_dir(&bench.0));
    let digest = bench.run("pack", &["layout", "app", "none.tar"]);
    let (_, config) = bench.image(&digest);
    assert_eq!(config["rootfs"]["diff_ids"], json!([bench.sha256("none.tar")]));
}

#[test]
fn pack_names_the_argument_that_is_wrong() {
    let Some(bench) = Bench::new(&["pack"]) else { return };
    bench.pack("app", "linux/amd64");
    let before = bench.entries();
    for (arguments, words) in [
        (&["-p", "penguin", "layout", "app", "more.tar"][..], &["platform", "penguin"][..]),
        (&["-l", "10", "layout", "app", "more.tar"], &["level", "10"]),
        (&["layout", "no such", "more.tar"], &["no such"]),
        (&["more.tar", "app", "root.tar"], &["more.tar"]),
    ] {
        assert_says(&bench.fails("pack", arguments), words);
        assert_eq!(bench.entries(), before, "{arguments:?}");
    }
}

#[test]
fn pack_shows_its_progress_to_a_terminal_alone() {
    let Some(bench) = Bench::new(&["pack"]) else { return };
    if !have_tools(&["script"]) {
        return;
    }
    bench.pack("app", "linux/amd64"); // fails if anything is on standard error
    let seen = run(program("script", bench.0.path()).current_dir(&bench.0).args([
        "-qec",
        "./pack layout app root.tar more.tar",
        "/dev/null",
    ]));
    for (path, size) in [("root.tar", "10.0 KiB"), ("more.tar", "10.0 KiB")] {
        assert_says(&seen, &[&format!("\r{path}: {size} of {size}, 100 %, "), " MB/s"]);
    }
}

#[test]
fn other_tools_take_what_pack_and_index_make() {
    let Some(bench) = Bench::new(&["pack", "index"]) else { return };
    if !have_tools(&["skopeo"]) {
        return;
    }
    let image = bench.pack("app", "linux/amd64");
    bench.run("index", &["layout", "all", "app"]);
    for name in ["app", "all"] {
        let seen = run(Command::new("skopeo").current_dir(&bench.0).args([
            "--override-os",
            "linux",
            "--override-arch",
            "amd64",
            "copy",
            &format!("oci:layout:{name}"),
            &format!("oci:copy:{name}"),
        ]));
        let copy = bench.path("copy/blobs").join(image.replace(':', "/"));
        assert_eq!(sha256(&copy), image, "{seen}");
    }
}

/// The lines that `list` should print of an image whose documents are small and
/// whose layers are plain.
fn expected_image(bench: &Bench, digest: &str, platform: &str, margin: usize) -> String {
    let (manifest, _) = bench.image(digest);
    let size = fs::metadata(bench.blob(digest)).unwrap().len();
    let mut lines = format!("{:margin$}image  {size} B  {platform}  {digest}\n", "");
    let margin = margin + 2;
    let config = &manifest["config"];
    lines += &format!("{:margin$}config  {} B  {}\n", "", config["size"], digest_of(config));
    for layer in manifest["layers"].as_array().unwrap() {
        lines += &format!("{:margin$}layer (tar)  10.0 KiB  {}\n", "", digest_of(layer));
    }
    lines
}

#[test]
fn list_prints_the_tree() {
    let Some(bench) = Bench::new(&["pack", "index", "list"]) else { return };
    let pack = |name, platform, tars: &[&str]| {
        bench.run("pack", &[&["-z", "none", "-p", platform, "layout", name], tars].concat())
    };
    let amd64 = pack("app-amd64", "linux/amd64", &["root.tar", "more.tar"]);
    let arm64 = pack("app-arm64", "linux/arm64/v8", &["root.tar"]);
    let all = bench.run("index", &["layout", "app", "app-amd64", "app-arm64"]);

    let size = |digest: &str| fs::metadata(bench.blob(digest)).unwrap().len();
    let amd64_at = |margin| expected_image(&bench, &amd64, "linux/amd64", margin);
    let arm64_at = |margin| expected_image(&bench, &arm64, "linux/arm64/v8", margin);
    let app = format!("app\n  index  {} B  {all}\n{}{}", size(&all), amd64_at(4), arm64_at(4));
    // Two manifests, two configs, an index, and two layers of 10 KiB, of which
    // one is in both images.
    let bytes: u64 = bench
        .content()
        .iter()
        .filter(|(path, _)| path.starts_with(bench.path("layout/blobs")))
        .map(|(_, bytes)| bytes.len() as u64)
        .sum();
    let total = format!("total: 7 blobs, {:.1} KiB", bytes as f64 / 1024.0);
    assert_eq!(
        bench.run("list", &["layout"]),
        format!("app-amd64\n{}app-arm64\n{}{app}{total}", amd64_at(2), arm64_at(2))
    );
    assert_eq!(bench.run("list", &["layout", "app"]), format!("{app}{total}"));
}

#[test]
fn list_marks_what_is_not_here() {
    let Some(bench) = Bench::new(&["pack", "index", "list"]) else { return };
    let amd64 = bench.pack("app-amd64", "linux/amd64");
    let arm64 = bench.run("pack", &["-p", "linux/arm64", "layout", "app-arm64", "more.tar"]);
    bench.run("index", &["layout", "app", "app-amd64", "app-arm64"]);
    let layer = digest_of(&bench.document(&amd64)["layers"][0]);
    fs::remove_file(bench.blob(&layer)).unwrap();
    fs::remove_file(bench.blob(&arm64)).unwrap();

    let printed = bench.run("list", &["layout", "app"]);
    let lines: Vec<&str> = printed.lines().collect();
    let marked: Vec<&&str> = lines.iter().filter(|line| line.ends_with("  (not here)")).collect();
    assert_eq!(marked.len(), 2, "{printed}");
    assert_says(marked[0], &["      layer", &layer]);
    assert_says(marked[1], &["    image", &arm64]);
    assert_eq!(lines.len(), 7, "name, index, image, config, layer, image, total: {printed}");
    assert_says(lines[6], &["total: 3 blobs, ", "; not here: 2, "]);
}

#[test]
fn list_does_not_let_a_layout_steer_the_terminal() {
    let Some(bench) = Bench::new(&["pack", "list"]) else { return };
    let digest = bench.pack("app", "linux/amd64");
    let index = fs::read_to_string(bench.path("layout/index.json")).unwrap();
    let index = index.replace("\"app\"", r#""\u001b[2J\u009b2J\u0007\nä""#);
    fs::write(bench.path("layout/index.json"), index).unwrap();
    let printed = bench.run("list", &["layout"]);
    assert_eq!(printed.lines().next(), Some("?[2J?2J??ä"));
    assert_says(&printed, &[&digest]);
}

#[test]
fn list_reports_a_damaged_document() {
    let Some(bench) = Bench::new(&["pack", "list"]) else { return };
    let digest = bench.pack("app", "linux/amd64");
    let mut manifest = fs::read(bench.blob(&digest)).unwrap();
    *manifest.last_mut().unwrap() = b' ';
    fs::write(bench.blob(&digest), manifest).unwrap();
    let output = output(&mut bench.command("list", &["layout"]));
    assert_eq!(output.status.code(), Some(1));
    let encoded = digest.trim_start_matches("sha256:");
    assert_says(&text(&output.stderr), &["list: ", encoded, "expected digest"]);
}

#[test]
fn list_prints_an_empty_layout() {
    let Some(bench) = Bench::new(&["stream", "list"]) else { return };
    bench.run("stream", &["layout"]);
    assert_eq!(bench.run("list", &["layout"]), "total: 0 blobs, 0 B");
}

#[test]
fn tag_gives_another_name() {
    let Some(bench) = Bench::new(&["pack", "tag"]) else { return };
    let one = bench.pack("app:1", "linux/amd64");
    let two = bench.pack("app:2", "linux/arm64");
    let tag = |old, new, digest, replaced| {
        let printed = bench.run("tag", &["layout", old, new]);
        assert_eq!(printed, format!("{new} is {digest}, {replaced} replaced"));
    };
    let named = |names: &[(&str, &String)]| {
        let names: Vec<_> = names.iter().map(|(n, d)| ((*n).to_owned(), (*d).clone())).collect();
        assert_eq!(bench.names(), names);
    };
    tag("app:1", "latest", &one, 0);
    named(&[("app:1", &one), ("app:2", &two), ("latest", &one)]);
    tag("app:2", "latest", &two, 1);
    named(&[("app:1", &one), ("app:2", &two), ("latest", &two)]);
    tag("latest", "latest", &two, 1);
    named(&[("app:1", &one), ("app:2", &two), ("latest", &two)]);

    // The new entry says what the old one says, but for the name.
    let mut entries = bench.entries();
    entries[1]["annotations"][REF_NAME] = json!("latest");
    assert_eq!(entries[2], entries[1]);

    let before = bench.content();
    assert_says(&bench.fails("tag", &["layout", "app:1", "no such"]), &["no such"]);
    assert_eq!(bench.content(), before);
}

#[test]
fn tag_works_where_the_image_is_elsewhere() {
    let Some(bench) = Bench::new(&["pack", "tag"]) else { return };
    let digest = bench.pack("app", "linux/amd64");
    fs::remove_file(bench.blob(&digest)).unwrap();
    bench.run("tag", &["layout", "app", "latest"]);
    assert_eq!(bench.names(), [("app".into(), digest.clone()), ("latest".into(), digest)]);
}

#[test]
fn remove_takes_names_out() {
    let Some(bench) = Bench::new(&["pack", "tag", "remove"]) else { return };
    let digest = bench.pack("app", "linux/amd64");
    for name in ["one", "two", "three"] {
        bench.run("tag", &["layout", "app", name]);
    }
    let before = bench.content();
    assert_eq!(bench.run("remove", &["layout", "one", "ghost", "three"]), "2 removed");
    assert_eq!(bench.names(), [("app".into(), digest.clone()), ("two".into(), digest)]);
    assert_says(&bench.fails("remove", &["layout", "one", "three"]), &["layout", "one"]);
    assert_eq!(bench.run("remove", &["layout", "app", "two"]), "2 removed");
    assert_eq!(bench.names(), []);
    let after = bench.content();
    let index = bench.path("layout/index.json");
    for (path, bytes) in before.iter().filter(|(path, _)| **path != index) {
        assert_eq!(after.get(path), Some(bytes), "{path:?} is no name");
    }
}

#[test]
fn append_layer_puts_a_layer_on_top() {
    let Some(bench) = Bench::new(&["pack", "append-layer"]) else { return };
    let base = bench.run("pack", &["-e", "/bin/hello", "layout", "app", "root.tar"]);
    let other = bench.pack("other", "linux/s390x");
    let (base_manifest, base_config) = bench.image(&base);

    let copy = bench.run("append-layer", &["layout", "app", "more.tar", "app-more"]);
    let names = |app: &String| {
        [("app", app), ("other", &other), ("app-more", &copy)]
            .map(|(n, d)| (n.to_owned(), d.clone()))
    };
    assert_eq!(bench.names(), names(&base));
    let same = bench.run("append-layer", &["layout", "app", "more.tar"]);
    assert_eq!(same, copy, "the same layer on the same image");
    assert_eq!(bench.names(), names(&same));

    let (manifest, config) = bench.image(&same);
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2);
    assert_eq!(layers[0], base_manifest["layers"][0]);
    let blob = bench.blob(&digest_of(&layers[1]));
    assert_eq!(run(Command::new("tar").arg("tzf").arg(blob)), "etc/more\n");
    let plain = [bench.sha256("root.tar"), bench.sha256("more.tar")];
    assert_eq!(config["rootfs"]["diff_ids"], json!(plain));
    assert_eq!(config["config"], base_config["config"], "it runs what it ran");
    bench.content();
}

#[test]
fn append_layer_asks_which_image_of_an_index_is_meant() {
    let Some(bench) = Bench::new(&["pack", "index", "append-layer"]) else { return };
    bench.pack("amd64", "linux/amd64");
    let arm64 = bench.pack("arm64", "linux/arm64");
    bench.run("index", &["layout", "all", "amd64", "arm64"]);
    let before = bench.content();
    assert_says(&bench.fails("append-layer", &["layout", "all", "more.tar"]), &["all", "-p"]);
    let usage = &["-p", "linux/arm64", "layout", "all", "more.tar"];
    let output = output(&mut bench.command("append-layer", usage));
    assert_eq!(output.status.code(), Some(2), "the other images of the name would be lost");
    assert_eq!(bench.content(), before);

    let arguments = ["-p", "linux/arm64", "layout", "all", "more.tar", "all-more"];
    let digest = bench.run("append-layer", &arguments);
    let (manifest, config) = bench.image(&digest);
    assert_eq!(config["architecture"], "arm64");
    assert_eq!(manifest["layers"][0], bench.document(&arm64)["layers"][0]);
    let names: Vec<_> = bench.names().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["amd64", "arm64", "all", "all-more"]);
}

/// The name is re-pointed by somebody else after `append-layer` has loaded the
/// image, which is when it opens the tar: here a pipe that waits for us.
#[test]
fn append_layer_does_not_undo_what_others_did_meanwhile() {
    let Some(bench) = Bench::new(&["pack", "tag", "append-layer"]) else { return };
    if !have_tools(&["mkfifo"]) {
        return;
    }
    bench.pack("app", "linux/amd64");
    let theirs = bench.run("pack", &["-p", "linux/amd64", "layout", "theirs", "more.tar"]);
    run(Command::new("mkfifo").arg(bench.path("pipe.tar")));
    let mut child = bench
        .command("append-layer", &["layout", "app", "pipe.tar"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = loop {
        // This fails for as long as nobody reads.
        let mut options = File::options();
        options.write(true).custom_flags(libc::O_NONBLOCK);
        match options.open(bench.path("pipe.tar")) {
            Ok(pipe) => break pipe,
            Err(_) => assert!(child.try_wait().unwrap().is_none(), "it never opened the tar"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    bench.run("tag", &["layout", "theirs", "app"]);
    pipe.write_all(&fs::read(bench.path("more.tar")).unwrap()).unwrap();
    drop(pipe);
    let line = complaint("append-layer", &child.wait_with_output().unwrap());
    assert_says(&line, &["app: ", "another image"]);
    assert_eq!(bench.names(), [("app".into(), theirs.clone()), ("theirs".into(), theirs)]);
}

#[test]
fn directory_makes_an_image_of_a_directory() {
    let Some(bench) = Bench::new(&["directory"]) else { return };
    let folder = bench.path("files/root.tar");
    let arguments = ["-p", "linux/s390x", "layout", "app", "files/root.tar"];
    run(Command::new("touch").args(["-d", "@2000000000"]).arg(folder.join("etc/motd")));
    run(Command::new("touch").args(["-d", "@5"]).arg(folder.join("bin/hello")));
    let build = |epoch: &str| {
        let output = output(bench.command("directory", &arguments).env("SOURCE_DATE_EPOCH", epoch));
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).trim_end().to_owned()
    };
    let digest = build("1000");
    assert_eq!(bench.names(), [("app".into(), digest.clone())]);
    let (manifest, config) = bench.image(&digest);
    assert_eq!(config["architecture"], "s390x");
    let layer = bench.blob(&digest_of(&manifest["layers"][0]));
    let mut list = Command::new("tar");
    list.args(["--list", "--verbose", "--gzip", "--full-time", "--utc", "--numeric-owner"]);
    let lines = run(list.arg("--file").arg(&layer));
    let told = |line: &str| -> Vec<String> {
        line.split_whitespace().skip(1).map(str::to_owned).collect()
    };
    let lines: Vec<Vec<String>> = lines.lines().map(told).collect();
    let paths: Vec<&str> = lines.iter().map(|line| line[4].as_str()).collect();
    assert_eq!(paths, ["./", "bin/", "bin/hello", "etc/", "etc/motd"]);
    assert!(lines.iter().all(|line| line[0] == "0/0"), "{lines:?}");
    assert_eq!(lines[2][2..4], ["1970-01-01", "00:00:05"]);
    assert_eq!(lines[4][2..4], ["1970-01-01", "00:16:40"]);

    run(Command::new("touch").arg(folder.join("etc/motd")));
    assert_eq!(build("1000"), digest);
    assert_ne!(build("1001"), digest);
    for epoch in ["", "now", "1.5", "99999999999999999999"] {
        let mut command = bench.command("directory", &arguments);
        let output = output(command.env("SOURCE_DATE_EPOCH", epoch));
        let line = complaint("directory", &output);
        assert_says(&line, &["SOURCE_DATE_EPOCH", "seconds", &format!("{epoch:?}")]);
    }
}

#[test]
fn directory_does_what_its_options_say() {
    let Some(bench) = Bench::new(&["directory"]) else { return };
    let digest = bench.run("directory", &["layout", "plain", "files/root.tar"]);
    let (_, config) = bench.image(&digest);
    let said = |part: &str| config[part].as_str().unwrap().to_owned();
    assert_eq!(format!("{}/{}", said("os"), said("architecture")), own_platform());
    assert_eq!(config.get("config"), None, "nothing was said of what it runs");

    let arguments =
        ["-k", "-x", "etc", "-x", "**/*.o", "-e", "/bin/hello", "-e", "-v", "-c", "all"];
    fs::write(bench.path("files/root.tar/bin/hello.o"), "").unwrap();
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        run(Command::new("chown").arg("7:9").arg(bench.path("files/root.tar/bin/hello")));
    }
    let arguments = [&arguments[..], &["layout", "app", "files/root.tar"]].concat();
    let (manifest, config) = bench.image(&bench.run("directory", &arguments));
    let expected = json!({"Entrypoint": ["/bin/hello", "-v"], "Cmd": ["all"]});
    assert_eq!(config["config"], expected);
    let layer = bench.blob(&digest_of(&manifest["layers"][0]));
    let list = || ["--list", "--gzip", "--file"];
    let paths = run(Command::new("tar").args(list()).arg(&layer));
    assert_eq!(paths, "./\nbin/\nbin/hello\n");
    run(Command::new("tar")
        .args(["--compare", "--gzip", "--same-owner", "--file"])
        .arg(&layer)
        .arg("-C")
        .arg(bench.path("files/root.tar")));

    assert_says(&bench.fails("directory", &["layout", "app", "nowhere"]), &["nowhere"]);
    assert_says(&bench.fails("directory", &["layout", "no such", "files"]), &["no such"]);
    let wrong = ["-x", "/etc", "layout", "app", "files"];
    assert_says(&bench.fails("directory", &wrong), &["pattern", "/etc"]);
}

/// Root can read all there is, so somebody else has to try.
#[test]
fn directory_names_what_it_cannot_read() {
    let Some(bench) = Bench::new(&["directory"]) else { return };
    if !have_tools(&["setpriv"]) {
        return;
    }
    let closed = bench.path("files/root.tar/etc/motd");
    run(Command::new("chmod").arg("000").arg(&closed));
    let arguments = ["layout", "app", "files/root.tar"];
    let mut command = bench.command("directory", &arguments);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        run(Command::new("chown").arg("-R").arg("65534:65534").arg(bench.path("")));
        let direct = command;
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(direct.get_program()).args(direct.get_args());
        command.current_dir(bench.path("")).env("LD_LIBRARY_PATH", library_of(&direct));
    }
    let line = complaint("directory", &output(&mut command));
    assert_says(&line, &["files/root.tar/etc/motd", "Permission denied"]);
    assert_eq!(bench.entries().len(), 0);
    assert_eq!(fs::read_dir(bench.path("layout/blobs/sha256")).unwrap().count(), 0);
}

/// Where a command looks for the library.
fn library_of(command: &Command) -> PathBuf {
    let mut variables = command.get_envs();
    let found = variables.find(|(name, _)| *name == "LD_LIBRARY_PATH");
    PathBuf::from(found.and_then(|(_, value)| value).unwrap())
}

#[test]
fn stream_stores_standard_input() {
    let Some(bench) = Bench::new(&["stream"]) else { return };
    let stream = |arguments: &[&str], input: File| {
        let output = bench.command("stream", arguments).stdin(input).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let says = |printed: &str| -> [String; 3] {
        let labels = ["digest  ", "diff ID ", "size    "];
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(lines.len(), labels.len(), "{printed}");
        std::array::from_fn(|i| lines[i].strip_prefix(labels[i]).expect(printed).to_owned())
    };
    let printed = stream(&["layout"], File::open(bench.path("root.tar")).unwrap());
    let [digest, diff_id, size] = says(&printed);
    assert_eq!(diff_id, bench.sha256("root.tar"));
    let blob = bench.blob(&digest);
    assert_eq!(sha256(&blob), digest);
    assert_eq!(size, fs::metadata(&blob).unwrap().len().to_string());
    assert_eq!(run(Command::new("tar").arg("tzf").arg(blob)), "bin/hello\netc/motd\n");

    // Nothing at all, and zeros and newlines over many reads.
    fs::write(bench.path("nothing"), "").unwrap();
    fs::write(bench.path("bytes"), b"\0\n\r\xff\x1a".repeat(100_000)).unwrap();
    for name in ["nothing", "bytes"] {
        let printed = stream(&["layout", "a/b"], File::open(bench.path(name)).unwrap());
        let [digest, diff_id, _] = says(&printed);
        assert_eq!(diff_id, bench.sha256(name));
        let stored = through(&["gzip", "-dc"], &bench.blob(&digest));
        assert!(stored == fs::read(bench.path(name)).unwrap(), "{name}");
    }
    assert_eq!(bench.entries().len(), 0, "nothing points at it");
}

#[test]
fn stream_leaves_nothing_of_an_input_that_breaks() {
    let Some(bench) = Bench::new(&["stream"]) else { return };
    bench.run("stream", &["layout"]);
    let before = bench.content();
    let folder = File::open(bench.path("files")).unwrap();
    let output = bench.command("stream", &["layout"]).stdin(folder).output().unwrap();
    assert_says(&complaint("stream", &output), &["standard input", "Is a directory"]);
    assert_eq!(bench.content(), before);

    assert_says(&bench.fails("stream", &["elsewhere", "no type"]), &["no type"]);
    assert!(!bench.path("elsewhere").exists());
    assert_says(&bench.fails("stream", &["root.tar"]), &["root.tar"]);
}

#[test]
fn index_joins_images() {
    let Some(bench) = Bench::new(&["pack", "index"]) else { return };
    let amd64 = bench.pack("amd64", "linux/amd64");
    let arm = bench.pack("arm", "linux/arm/v6");
    let first = bench.run("index", &["layout", "all", "arm"]);
    let second = bench.run("index", &["layout", "all", "arm", "amd64"]);
    assert_ne!(first, second);
    let names = [("amd64", &amd64), ("arm", &arm), ("all", &second)];
    assert_eq!(bench.names(), names.map(|(n, d)| (n.to_owned(), d.clone())));

    let size = |digest: &str| fs::metadata(bench.blob(digest)).unwrap().len();
    let v6 = json!({"os": "linux", "architecture": "arm", "variant": "v6"});
    let amd = json!({"os": "linux", "architecture": "amd64"});
    assert_eq!(
        bench.document(&second),
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [
                {"mediaType": IMAGE, "digest": arm, "size": size(&arm), "platform": v6},
                {"mediaType": IMAGE, "digest": amd64, "size": size(&amd64), "platform": amd},
            ],
        })
    );
    bench.content();
}

#[test]
fn index_refuses_what_clients_would_not_find() {
    let Some(bench) = Bench::new(&["pack", "tag", "index"]) else { return };
    bench.pack("one", "linux/amd64");
    bench.run("tag", &["layout", "one", "two"]);
    bench.run("index", &["layout", "all", "one"]);
    let before = bench.entries();
    for (arguments, words) in [
        (&["layout", "new", "one", "two"][..], &["two images for linux/amd64"][..]),
        // An exception that began in the callback.
        (&["layout", "new", "one", "all"], &["all: not an image", "image.index"]),
        (&["layout", "no such", "one"], &["no such"]),
    ] {
        assert_says(&bench.fails("index", arguments), words);
        assert_eq!(bench.entries(), before, "{arguments:?}");
    }
}

/// The files of a model: what describes it, and its weights in two files.
fn model_files(bench: &Bench) -> [(&'static str, Vec<u8>); 3] {
    let weights = b"\0\x01\xfe\xff".repeat(1_000_000);
    let files = [
        ("config.json", br#"{"architectures":["tiny"]}"#.to_vec()),
        ("tiny-1.safetensors", weights),
        ("tiny-2.safetensors", b"the rest".to_vec()),
    ];
    fs::create_dir(bench.path("tiny")).unwrap();
    for (name, content) in &files {
        fs::write(bench.path("tiny").join(name), content).unwrap();
    }
    files
}

const MODEL: [&str; 5] = [
    "layout",
    "tiny:1.0",
    "tiny/config.json",
    "tiny/tiny-1.safetensors",
    "tiny/tiny-2.safetensors",
];

#[test]
fn model_makes_an_artifact_by_modelpack() {
    let Some(bench) = Bench::new(&["model", "pack"]) else { return };
    let files = model_files(&bench);
    bench.pack("app", "linux/amd64");
    bench.pack("tiny:1.0", "linux/amd64");
    let digest = bench.run("model", &MODEL);
    assert_eq!(bench.names()[1..], [("tiny:1.0".into(), digest.clone())]);
    let entry = &bench.entries()[1];
    let kind = "application/vnd.cncf.model.manifest.v1+json";
    assert_eq!(entry["artifactType"], kind);

    let layers = files.each_ref().map(|(name, content)| {
        let kind = if *name == "config.json" { "weight.config" } else { "weight" };
        json!({
            "mediaType": format!("application/vnd.cncf.model.{kind}.v1.raw"),
            "digest": bench.sha256(&format!("tiny/{name}")),
            "size": content.len(),
            "annotations": {
                "org.opencontainers.image.title": name,
                "org.cncf.model.filepath": name,
            },
        })
    });
    let (manifest, config) = bench.image(&digest);
    let config_digest = digest_of(&manifest["config"]);
    let expected = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "artifactType": kind,
        "config": {
            "mediaType": "application/vnd.cncf.model.config.v1+json",
            "digest": config_digest,
            "size": fs::metadata(bench.blob(&config_digest)).unwrap().len(),
        },
        "layers": layers,
    });
    assert_eq!(manifest, expected);
    let files = layers.each_ref().map(digest_of);
    let expected = json!({
        "descriptor": {"name": "tiny:1.0"},
        "config": {},
        "modelfs": {"type": "layers", "diffIds": files},
    });
    assert_eq!(config, expected);
    bench.content();
}

#[test]
fn other_tools_take_what_model_makes() {
    let Some(bench) = Bench::new(&["model"]) else { return };
    if !have_tools(&["go", "skopeo", "umoci"]) {
        return;
    }
    let files = model_files(&bench);
    let digest = bench.run("model", &MODEL);

    let pulled = bench.path("pulled");
    let mut oras = Command::new(build_go("oras"));
    let said = run(oras.arg(bench.path("layout")).arg("tiny:1.0").arg(&pulled));
    let kind = "application/vnd.cncf.model.manifest.v1+json";
    assert_eq!(said, format!("{digest} {kind}\n"));
    assert_eq!(fs::read_dir(&pulled).unwrap().count(), files.len());
    for (name, content) in files {
        assert!(fs::read(pulled.join(name)).unwrap() == content, "{name} is another");
    }

    let in_folder = |mut command: Command| run(command.current_dir(&bench.0));
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["inspect", "--raw", "oci:layout:tiny:1.0"]);
    assert_eq!(in_folder(skopeo).into_bytes(), fs::read(bench.blob(&digest)).unwrap());
    let mut umoci = Command::new("umoci");
    umoci.args(["ls", "--layout", "layout"]);
    assert_eq!(in_folder(umoci), "tiny:1.0\n");
}

#[test]
fn model_leaves_nothing_of_what_it_refuses() {
    let Some(bench) = Bench::new(&["model"]) else { return };
    model_files(&bench);
    bench.run("model", &MODEL);
    let before = bench.content();
    fs::write(bench.path("config.json"), "{}").unwrap();
    for (arguments, words) in [
        (&["layout", "new", "config.json", "missing"][..], &["missing"][..]),
        (&["layout", "new", "config.json", "tiny"], &["tiny: ", "a regular file"]),
        (&["layout", "new", "config.json", "tiny/config.json"], &["two files of one name"]),
        (&["layout", "no such", "config.json", "root.tar"], &["no such"]),
    ] {
        assert_says(&bench.fails("model", arguments), words);
        assert_eq!(bench.content(), before, "{arguments:?}");
    }
}

#[test]
fn model_shows_its_progress_to_a_terminal_alone() {
    let Some(bench) = Bench::new(&["model"]) else { return };
    if !have_tools(&["script"]) {
        return;
    }
    model_files(&bench);
    let line = format!("./model {}", MODEL.join(" "));
    let mut script = program("script", bench.0.path());
    let seen = run(script.current_dir(&bench.0).args(["-qec", &line, "/dev/null"]));
    assert_says(&seen, &["\rtiny:1.0: 3.8 MiB of 3.8 MiB, 100 %, ", " MB/s"]);
    assert_eq!(bench.names().len(), 1);
}

#[test]
fn multi_platform_makes_one_name_for_all() {
    let Some(bench) = Bench::new(&["multi-platform", "pack"]) else { return };
    if !have_tools(&["skopeo", "umoci"]) {
        return;
    }
    bench.pack("app", "linux/amd64");
    run(Command::new("touch").args(["-d", "@2000000000"]).arg(bench.path("files/root.tar/bin")));
    let arguments = [
        "layout",
        "app",
        "linux/amd64=files/root.tar",
        "linux/arm64=more.tar",
        "linux/arm/v7=root.tar",
    ];
    let build = |epoch: &str| {
        let mut command = bench.command("multi-platform", &arguments);
        let output = output(command.env("SOURCE_DATE_EPOCH", epoch));
        assert_eq!(text(&output.stderr), "");
        text(&output.stdout).trim_end().to_owned()
    };
    let digest = build("1000");
    assert_eq!(bench.names(), [("app".into(), digest.clone())]);
    assert_eq!(build("1000"), digest);
    assert_ne!(build("2000"), digest, "a time was told that is later");
    let images = bench.document(&build("1000"))["manifests"].as_array().unwrap().clone();

    let expected = [("amd64", ""), ("arm64", ""), ("arm", "v7")];
    assert_eq!(images.len(), expected.len());
    for (image, (architecture, variant)) in images.iter().zip(expected) {
        let platform = &image["platform"];
        assert_eq!(
            (&platform["os"], &platform["architecture"]),
            (&json!("linux"), &json!(architecture))
        );
        assert_eq!(platform["variant"].as_str().unwrap_or(""), variant);

        // Others pick the image, and unpack from it what was packed.
        let mut copy = Command::new("skopeo");
        copy.args(["--insecure-policy", "--override-os", "linux", "--override-arch", architecture]);
        if !variant.is_empty() {
            copy.args(["--override-variant", variant]);
        }
        copy.current_dir(&bench.0).args(["copy", "--quiet", "oci:layout:app"]);
        run(copy.arg(format!("oci:picked:{architecture}")));
        let picked = bench.path("picked/blobs").join(digest_of(image).replace(':', "/"));
        assert_eq!(sha256(&picked), digest_of(image));
        let bundle = bench.path(architecture);
        let mut unpack = Command::new("umoci");
        unpack.args(["unpack", "--image", &format!("picked:{architecture}")]);
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            unpack.arg("--rootless");
        }
        run(unpack.current_dir(&bench.0).arg(&bundle));
        let source = if architecture == "arm64" { "more.tar" } else { "root.tar" };
        run(Command::new("diff")
            .arg("-r")
            .arg(bundle.join("rootfs"))
            .arg(bench.path("files").join(source)));
    }
    bench.content();
}

#[test]
fn multi_platform_leaves_nothing_of_what_it_refuses() {
    let Some(bench) = Bench::new(&["multi-platform"]) else { return };
    let amd64 = "linux/amd64=root.tar";
    bench.run("multi-platform", &["layout", "app", amd64]);
    let before = bench.content();
    for (arguments, words) in [
        (
            &["layout", "app", "linux/arm=files", "linux/arm=more.tar"][..],
            &["linux/arm", "twice"][..],
        ),
        (&["layout", "app", amd64, "linux/arm=multi-platform"], &["multi-platform", "not a tar"]),
        (&["layout", "app", amd64, "linux/arm=missing"], &["missing", "No such file"]),
        (&["layout", "app", amd64, "penguin=more.tar"], &["platform", "penguin"]),
        (&["layout", "no such", "linux/arm=more.tar"], &["no such"]),
    ] {
        assert_says(&bench.fails("multi-platform", arguments), words);
        assert_eq!(bench.content(), before, "{arguments:?}");
    }
    for arguments in [&["layout", "app"][..], &["layout", "app", amd64, "more.tar"]] {
        let output = output(&mut bench.command("multi-platform", arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn no_example_leaks_or_reads_what_is_not_its_own() {
    let names = SOURCES.map(|source| source.split('.').next().unwrap());
    let Some(bench) = Bench::new(&names) else { return };
    if !have_tools(&["valgrind"]) {
        return;
    }
    for (status, name, arguments) in [
        (
            0,
            "pack",
            &["-z", "zstd", "-e", "a", "-c", "b", "layout", "one", "root.tar", "more.tar"][..],
        ),
        (0, "pack", &["-p", "linux/s390x", "layout", "two", "root.tar"]),
        (1, "pack", &["layout", "no such", "root.tar"]),
        (1, "pack", &["layout", "three", "root.tar", "pack"]),
        (0, "directory", &["-x", "etc", "-e", "a", "-c", "b", "layout", "three", "files"]),
        (0, "model", &["layout", "model", "root.tar", "more.tar"]),
        (1, "model", &["layout", "model", "root.tar", "missing"]),
        (0, "multi-platform", &["layout", "four", "linux/amd64=files", "linux/arm=more.tar"]),
        (1, "multi-platform", &["layout", "four", "linux/amd64=files", "x=more.tar"]),
        (0, "stream", &["layout"]),
        (1, "stream", &["layout", "no type"]),
        (0, "index", &["layout", "all", "one", "two"]),
        (1, "index", &["layout", "all", "one", "all"]),
        (1, "index", &["layout", "all", "one", "one"]),
        (0, "list", &["layout"]),
        (1, "list", &["layout", "ghost"]),
        (0, "append-layer", &["layout", "one", "more.tar"]),
        (1, "append-layer", &["layout", "all", "more.tar"]),
        (1, "append-layer", &["layout", "two", "pack"]),
        (0, "tag", &["layout", "one", "latest"]),
        (1, "tag", &["layout", "ghost", "latest"]),
        (0, "remove", &["layout", "one", "two"]),
        (1, "remove", &["layout", "ghost"]),
    ] {
        let mut command = program("valgrind", bench.0.path());
        command
            .current_dir(&bench.0)
            .args(["-q", "--error-exitcode=99", "--leak-check=full"])
            .arg(bench.path(name))
            .args(arguments);
        let output = output(&mut command);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{name} {arguments:?}: {said}");
    }
    bench.content();
}
