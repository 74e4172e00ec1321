//! What the README shows works when it is copied.

mod support;

use std::process::Command;
use support::{compile, have_tools, output, program, root, run};

/// The first block of code in a language.
fn block(language: &str) -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, behind) = readme.split_once(&format!("```{language}\n")).unwrap();
    behind.split_once("```").unwrap().0.to_owned()
}

/// Compiles the program in this language, and packs a layer with it.
fn packs_a_layer(language: &str, compiler: &str, standard: &str) {
    if !have_tools(&[compiler, "tar"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("first").with_extension(language);
    std::fs::write(&source, block(language)).unwrap();
    let first = scratch.path().join("first");
    compile(compiler, &[standard], &source, &first);
    let tar = scratch.path().join("layer.tar");
    run(Command::new("tar").arg("-cf").arg(&tar).args(["-C", "/etc", "hostname"]));
    let layout = scratch.path().join("layout");
    let first = |tar| {
        let mut command = program(&first, scratch.path());
        command.arg(&layout).arg("latest").arg(tar);
        command
    };
    let digest = run(&mut first(&tar));
    let opened = ocilayout::Layout::open(&layout).unwrap();
    let platform = "linux/amd64".parse().unwrap();
    let image = opened.resolve("latest", Some(&platform)).unwrap();
    assert_eq!(digest.trim(), image.digest().as_str());
    let layer = opened.children(&image).unwrap().remove(1);
    let layer = scratch.path().join("layout/blobs/sha256").join(layer.digest().encoded());
    assert_eq!(run(Command::new("tar").arg("-tzf").arg(layer)), "hostname\n");
    assert!(!output(&mut first(&scratch.path().join("no such file"))).status.success());
}

#[test]
fn the_program_in_c_packs_a_layer() {
    packs_a_layer("c", "gcc", "-std=c99");
}

#[test]
fn the_program_in_cpp_packs_a_layer() {
    packs_a_layer("cpp", "g++", "-std=c++17");
}

#[test]
fn the_lines_of_rust_pack_a_layer() {
    let scratch = tempfile::tempdir().unwrap();
    let lines = block("rust").replace("\"layout\"", "format!(\"{folder}/layout\")");
    let lines = lines.replace("\"layer.tar\"", "format!(\"{folder}/layer.tar\")");
    let folder = scratch.path().join("example");
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"example\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nocilayout = {{ path = {:?} }}\n",
        root()
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let main = format!(
        "fn main() -> Result<(), Box<dyn std::error::Error>> {{\n\
         let folder = std::env::args().nth(1).unwrap();\n{lines}\nOk(())\n}}\n"
    );
    std::fs::write(folder.join("src/main.rs"), main).unwrap();
    std::fs::write(scratch.path().join("layer.tar"), [0; 1024]).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&folder).args(["run", "--quiet", "--offline", "--"]).arg(scratch.path());
    cargo.env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/readme"));
    run(&mut cargo);
    let layout = ocilayout::Layout::open(scratch.path().join("layout")).unwrap();
    assert_eq!(layout.resolve("latest", None).unwrap().reference(), Some("latest"));
}
