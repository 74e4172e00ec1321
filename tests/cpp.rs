//! `include/ocilayout.hpp` as C++ sees it: with gcc and clang, in each standard from C++17
//! on, with exceptions and without, every warning an error, under sanitizers.

#![allow(unreachable_pub, reason = "a test is nobody's library")]

mod support;

#[path = "c/declared.rs"]
mod declared;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{have_tools, library_folder, output, program, root, run, skip};

const COMPILERS: [&str; 2] = ["g++", "clang++"];
const NO_EXCEPTIONS: &str = "-fno-exceptions";

/// What is refused is used no further.
const UNUSED: &str = "-Wno-unused";

/// A command that compiles `source`, which is in tests/cpp.
fn compiler(name: &str, standard: &str, flags: &[&str], source: &str) -> Command {
    let mut command = Command::new(name);
    command
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-pthread"])
        .arg(format!("-std={standard}"))
        .args(flags)
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join("tests/cpp").join(source));
    command
}

/// Two files, with exceptions and without, become one program, which is run under
/// sanitizers; what it made is shown to other tools.
fn works(name: &str, standard: &str) {
    if !have_tools(&[name, "skopeo", "sha256sum"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |file: &str| scratch.path().join(file);
    let sanitized = ["-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    if !links(name, &sanitized) {
        return skip(&format!("{name} has no sanitizers"));
    }
    let returning = [&sanitized[..], &[NO_EXCEPTIONS, "-c"]].concat();
    run(compiler(name, standard, &returning, "returning.cpp").arg("-o").arg(at("returning.o")));
    let mut linked = compiler(name, standard, &sanitized, "throwing.cpp");
    linked.arg(at("returning.o")).arg("-o").arg(at("throwing"));
    run(linked.arg("-L").arg(library_folder()).arg("-locilayout"));

    fs::create_dir(at("folder")).unwrap();
    let mut command = program(at("throwing"), scratch.path());
    command.env("ASAN_OPTIONS", "detect_leaks=1").env_remove("SOURCE_DATE_EPOCH");
    let said = output(command.arg(at("folder")));
    let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    assert!(said.status.success() && text.is_empty(), "{}\n{text}", said.status);
    shown_to_other_tools(&at("folder/layout"), scratch.path());
}

/// Whether a program can be linked with these flags: clang has its sanitizers apart.
fn links(name: &str, flags: &[&str]) -> bool {
    let scratch = tempfile::tempdir().unwrap();
    let (source, out) = (scratch.path().join("empty.cpp"), scratch.path().join("empty"));
    fs::write(&source, "int main() {}\n").unwrap();
    output(Command::new(name).args(flags).arg(source).arg("-o").arg(out)).status.success()
}

fn shown_to_other_tools(layout: &Path, scratch: &Path) {
    for blob in fs::read_dir(layout.join("blobs/sha256")).unwrap() {
        let blob = blob.unwrap().path();
        let sum = run(Command::new("sha256sum").arg(&blob));
        assert_eq!(sum.split(' ').next(), blob.file_name().unwrap().to_str());
    }
    let image = format!("oci:{}:image", layout.display());
    let copy = format!("oci:{}:image", scratch.join("copy").display());
    run(Command::new("skopeo").args(["--insecure-policy", "copy", &image, &copy]));
    let config = run(Command::new("skopeo").args(["inspect", "--config", &image]));
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(
        config,
        serde_json::json!({
            "created": "2026-01-31T12:00:00Z",
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "User": "nobody",
                "ExposedPorts": { "80/tcp": {} },
                "Env": ["PATH=/bin"],
                "Entrypoint": ["/bin/hello"],
                "Cmd": ["a", "b"],
                "WorkingDir": "/tmp",
                "Labels": { "label": "value" },
                "StopSignal": "SIGINT",
            },
            "rootfs": {
                "type": "layers",
                // sha256sum of 1024 zeros.
                "diff_ids": ["sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"],
            },
            "history": [
                { "created": "2026-01-31T12:00:00Z", "created_by": "layer" },
                {
                    "created": "2026-01-31T12:00:00Z",
                    "created_by": "step",
                    "comment": "comment",
                    "empty_layer": true,
                },
            ],
        })
    );
}

#[test]
fn works_by_gcc() {
    works("g++", "c++17");
}

#[test]
fn works_by_clang() {
    works("clang++", "c++20");
}

#[test]
fn is_accepted_in_each_standard() {
    if !have_tools(&COMPILERS) {
        return;
    }
    for (name, standard, flag) in [
        // Some warnings come only where code is optimized.
        ("g++", "c++20", "-O2"),
        ("g++", "c++2b", "-fsyntax-only"),
        ("clang++", "c++17", "-fsyntax-only"),
        ("clang++", "c++2b", "-fsyntax-only"),
    ] {
        let flags = [flag, "-c", "-o", "/dev/null"];
        run(&mut compiler(name, standard, &flags, "throwing.cpp"));
    }
    for name in COMPILERS {
        let flags = ["-fsyntax-only", NO_EXCEPTIONS];
        run(&mut compiler(name, "c++2b", &flags, "returning.cpp"));
    }
}

/// What would leak, race or be misunderstood is no program.
#[test]
fn what_is_wrong_does_not_compile() {
    if !have_tools(&["g++"]) {
        return;
    }
    // That nobody would be told is known when code is made of a call.
    let untold = [NO_EXCEPTIONS, "-DUNTOLD", "-c", "-o", "/dev/null"];
    let (first, second) = (refused(&["-fsyntax-only"]), refused(&untold));
    let source = fs::read_to_string(root().join("tests/cpp/refused.cpp")).unwrap();
    let expected = (1..).zip(source.lines()).filter(|(_, line)| line.contains("// refused: "));
    let expected: Vec<usize> = expected.map(|(number, _)| number).collect();
    assert_eq!([second, first].concat(), expected);
    // With exceptions it is thrown.
    run(&mut compiler("g++", "c++17", &["-DUNTOLD", "-fsyntax-only", UNUSED], "refused.cpp"));
}

/// The lines of tests/cpp/refused.cpp of which the compiler complains, in the words that
/// they ask for.
fn refused(flags: &[&str]) -> Vec<usize> {
    let source = fs::read_to_string(root().join("tests/cpp/refused.cpp")).unwrap();
    let flags = [flags, &[UNUSED]].concat();
    let output = output(&mut compiler("g++", "c++17", &flags, "refused.cpp"));
    let said = String::from_utf8_lossy(&output.stderr);
    let is_refused = |number: usize, line: &str| {
        let place = format!("refused.cpp:{number}:");
        let mut complaints = said.lines().filter(|line| {
            line.contains(&place)
                && (line.contains("error: ") || line.contains("required from here"))
        });
        let why = line.split_once("// refused: ").map_or("", |(_, why)| why);
        complaints.next().is_some()
            && said.lines().any(|line| line.contains("error: ") && line.contains(why))
    };
    (1..).zip(source.lines()).filter(|(n, line)| is_refused(*n, line)).map(|(n, _)| n).collect()
}

/// The names in the code of a header, without its comments.
fn names(header: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("include").join(header)).unwrap();
    let code: Vec<_> = text.lines().filter_map(|line| line.split("//").next()).collect();
    let code = code.join("\n");
    let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.map(str::to_owned).collect()
}

#[test]
fn every_function_is_used() {
    let used = names("ocilayout.hpp");
    let functions = declared::functions();
    assert!(functions.len() > 100, "the header was not understood");
    let forgotten: Vec<_> = functions.difference(&used).collect();
    assert!(forgotten.is_empty(), "not in include/ocilayout.hpp: {forgotten:?}");
}

/// Versions are compared by macros, and the others are no values.
#[test]
fn every_constant_is_used() {
    let used = names("ocilayout.hpp");
    let header = fs::read_to_string(root().join("include/ocilayout.h")).unwrap();
    let constants =
        header.lines().filter_map(|line| line.strip_prefix("#define ")?.split(' ').next());
    let of_c = ["OCILAYOUT_H", "OCILAYOUT_MUST_USE"];
    let forgotten: Vec<_> = constants
        .filter(|name| !of_c.contains(name) && !name.starts_with("OCILAYOUT_VERSION_"))
        .filter(|name| !used.contains(*name))
        .collect();
    assert!(forgotten.is_empty(), "not in include/ocilayout.hpp: {forgotten:?}");
}
