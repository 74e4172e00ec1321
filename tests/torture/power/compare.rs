//! The same cuts for other writers of layouts: `-- power worker compare`.

use super::disk::FILESYSTEMS;
use super::recording::{Recording, Stage};
use super::trial::try_cuts;
use super::workload::put_image;
use super::writer;
use crate::checker::Checker;
use crate::support::{report, root, run};
use fastrand::Rng;
use ocilayout::{Append, OpenOptions};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

const STATES: usize = 140;

const IMAGES: usize = 16;

const SEED: u64 = 1;

const OCIDIR: &str = "0.8.0";

/// Compiles the writer that uses the crate `ocidir`.
pub fn build() {
    let folder = ocidir_folder();
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"writer\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nocidir = \"={OCIDIR}\"\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("src/main.rs"), include_str!("ocidir.rs")).unwrap();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    run(cargo.args(["build", "--quiet", "--target-dir", "target"]).current_dir(folder));
}

fn ocidir_folder() -> PathBuf {
    root().join("target/compare-crashes/ocidir")
}

/// Prints a table of what the cuts do to the layouts of each tool.
pub fn compare(scratch: &Path) {
    let source = scratch.join("source");
    make_source(&source);
    report(&format!("{STATES} states each: inconsistent + acknowledged edits lost"));
    report(&row("", &FILESYSTEMS.map(str::to_owned)));
    let ours = format!("ocilayout {}", env!("CARGO_PKG_VERSION"));
    report(&row(&ours, &try_tool(scratch, by_ours)));
    let ocidir = format!("ocidir {OCIDIR}");
    report(&row(&ocidir, &try_tool(scratch, |stage| by_ocidir(stage, &source))));
    report(&row(&version("skopeo"), &try_tool(scratch, |stage| by_skopeo(stage, &source))));
    report(&row(&version("umoci"), &try_tool(scratch, |stage| by_umoci(stage, &source))));
}

fn row(head: &str, cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("{cell:>12}")).collect();
    format!("{head:32}{cells}")
}

fn version(tool: &str) -> String {
    let version = run(Command::new(tool).arg("--version"));
    version.lines().next().unwrap().to_owned()
}

/// The cell of each file system.
fn try_tool(scratch: &Path, edit: impl Fn(&mut Stage)) -> Vec<String> {
    let mut cells = Vec::new();
    for filesystem in FILESYSTEMS {
        let folder = scratch.join("tool");
        std::fs::create_dir(&folder).unwrap();
        let recording = Recording::make(&folder, filesystem, "full", SEED, &edit);
        let cuts = recording.cuts(STATES, &mut Rng::with_seed(SEED));
        let tally = try_cuts(&recording, &cuts, false);
        cells.push(format!("{} + {}", tally.inconsistent, tally.lost));
        std::fs::remove_dir_all(&folder).unwrap();
    }
    cells
}

/// A layout with images to copy, and beside it the layers.
fn make_source(path: &Path) {
    let layout = OpenOptions::new().create().open(path).unwrap();
    let mut random = Rng::with_seed(SEED);
    for image in 0..IMAGES {
        let layer = super::workload::bytes(&mut random, 20_000);
        std::fs::write(layer_of(path, image), &layer).unwrap();
        let entry = put_image(&layout, &layer, &name_of(image)).unwrap();
        layout.append(&entry, Append::new()).unwrap();
    }
}

fn name_of(image: usize) -> String {
    format!("image-{image}")
}

fn layer_of(source: &Path, image: usize) -> PathBuf {
    source.with_file_name(format!("layer-{image}"))
}

fn by_ours(stage: &mut Stage) {
    stage.acknowledge(None);
    stage.run(&mut writer(stage, "appends", "full", SEED));
}

fn by_ocidir(stage: &mut Stage, source: &Path) {
    let program = ocidir_folder().join("target/debug/writer");
    by_commands(stage, |layout, image| {
        let mut append = Command::new(&program);
        append.arg(layout).arg(name_of(image)).arg(layer_of(source, image));
        vec![append]
    });
}

fn by_skopeo(stage: &mut Stage, source: &Path) {
    by_commands(stage, |layout, image| {
        let place = |layout: &Path| format!("oci:{}:{}", layout.display(), name_of(image));
        let mut copy = Command::new("skopeo");
        copy.args(["--insecure-policy", "copy", "--quiet", &place(source), &place(layout)]);
        vec![copy]
    });
}

fn by_umoci(stage: &mut Stage, source: &Path) {
    run(Command::new("umoci").args(["init", "--layout"]).arg(&stage.layout));
    by_commands(stage, |layout, image| {
        let umoci = |word: &str| {
            let mut umoci = Command::new("umoci");
            umoci.args([word, "--image", &format!("{}:{}", layout.display(), name_of(image))]);
            umoci
        };
        let mut insert = umoci("insert");
        insert.arg(layer_of(source, image)).arg("/file");
        vec![umoci("new"), insert]
    });
}

/// Runs the commands for each image. Each is acknowledged when it has ended; the
/// first ones are made durable, so that all that is asked of a tool is to edit a
/// layout.
fn by_commands(stage: &mut Stage, commands: impl Fn(&Path, usize) -> Vec<Command>) {
    let mut checker = Checker::start();
    for image in 0..IMAGES {
        for mut command in commands(&stage.layout, image) {
            run(&mut command);
            if image == 0 {
                rustix::fs::syncfs(File::open(&stage.layout).unwrap()).unwrap();
            }
            let answer = checker.check(&stage.layout);
            assert!(answer.problems.is_empty(), "{command:?}: {answer:?}");
            stage.acknowledge(Some(answer.entries));
        }
    }
}
