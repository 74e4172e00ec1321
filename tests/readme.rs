//! What the README shows works when it is copied.

mod support;

use std::process::Command;
use support::{compile, have_tools, library_folder, program, root, run};

/// The first block of code in a language.
fn block(language: &str) -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, behind) = readme.split_once(&format!("```{language}\n")).unwrap();
    behind.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_program_in_c_packs_a_layer() {
    if !have_tools(&["gcc", "tar"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("first.c");
    std::fs::write(&source, block("c")).unwrap();
    let first = scratch.path().join("first");
    compile("gcc", &["-std=c99"], &source, &first);
    let tar = scratch.path().join("layer.tar");
    run(Command::new("tar").arg("-cf").arg(&tar).args(["-C", "/etc", "hostname"]));
    let layout = scratch.path().join("layout");
    let mut command = program(&first, scratch.path());
    let digest = run(command.arg(&layout).arg("latest").arg(&tar));
    let opened = ocilayout::Layout::open(&layout).unwrap();
    let platform = "linux/amd64".parse().unwrap();
    let image = opened.resolve("latest", Some(&platform)).unwrap();
    assert_eq!(digest.trim(), image.digest().as_str());
    let layer = opened.children(&image).unwrap().remove(1);
    let layer = scratch.path().join("layout/blobs/sha256").join(layer.digest().encoded());
    assert_eq!(run(Command::new("tar").arg("-tzf").arg(layer)), "hostname\n");
}

#[test]
fn the_program_in_go_packs_a_layer() {
    if !have_tools(&["go", "gcc", "pkg-config", "tar"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path();
    std::fs::write(folder.join("main.go"), block("go")).unwrap();
    let package = "github.com/ocilayout/ocilayout/go";
    let module = format!(
        "module example\n\ngo 1.24.0\n\nrequire {package} v0.0.0\n\nreplace {package} => {}\n",
        root().join("go").display()
    );
    std::fs::write(folder.join("go.mod"), module).unwrap();
    let installed = format!(
        "Name: ocilayout\nDescription: as it was built\nVersion: 0\nCflags: -I{}\nLibs: -L{} -locilayout\n",
        root().join("include").display(),
        library_folder().display()
    );
    std::fs::write(folder.join("ocilayout.pc"), installed).unwrap();
    let first = folder.join("first");
    let mut go = Command::new(root().join("tools/go"));
    go.current_dir(folder).env("PKG_CONFIG_PATH", folder);
    run(go.args(["build", "-buildvcs=false", "-o"]).arg(&first).arg("."));

    let tar = folder.join("layer.tar");
    run(Command::new("tar").arg("-cf").arg(&tar).args(["-C", "/etc", "hostname"]));
    let mut command = program(&first, folder);
    let digest = run(command.arg(folder.join("layout")).arg("latest").arg(&tar));
    let opened = ocilayout::Layout::open(folder.join("layout")).unwrap();
    let image = opened.resolve("latest", Some(&"linux/amd64".parse().unwrap())).unwrap();
    assert_eq!(digest.trim(), image.digest().as_str());
    let layer = opened.children(&image).unwrap().remove(1);
    let layer = folder.join("layout/blobs/sha256").join(layer.digest().encoded());
    assert_eq!(run(Command::new("tar").arg("-tzf").arg(layer)), "hostname\n");
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
