//! The C ABI as C sees it: the programs in tests/c, compiled with every warning
//! an error, and run plain, under sanitizers and under valgrind.

#![allow(unreachable_pub, reason = "a test is nobody's library")]

mod support;

#[path = "c/declared.rs"]
mod declared;

use std::path::Path;
use std::process::Command;
use support::{compile, have_tools, library_folder, output, program, report, root, run};
use tempfile::TempDir;

/// A place for files of a few GiB, on a disk: the system's own may be in memory.
fn scratch() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Compiles a program of tests/c, and runs it on an empty folder, through
/// `wrapper` if there is one. Neither says anything, and so does the library.
fn check(name: &str, flags: &[&str], wrapper: &[&str], environment: &[(&str, &str)]) {
    let scratch = scratch();
    let (out, folder) = (scratch.path().join(name), scratch.path().join("layouts"));
    std::fs::create_dir(&folder).unwrap();
    let flags = [&["-std=c11"], flags].concat();
    compile("gcc", &flags, Path::new("tests/c").join(format!("{name}.c")), &out);
    let mut command = match wrapper {
        [] => program(&out, scratch.path()),
        [tool, options @ ..] => {
            let mut command = program(tool, scratch.path());
            command.args(options).arg(&out);
            command
        }
    };
    let output = output(command.arg(&folder).envs(environment.iter().copied()));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{command:?}: {}\n{said}", output.status);
}

fn plain(name: &str) {
    if have_tools(&["gcc"]) {
        check(name, &["-O2"], &[], &[]);
    }
}

/// The library itself is not instrumented, but its allocations are: buffers
/// that are overrun and objects that leak are seen.
fn sanitized(name: &str, leaks: Leaks) {
    if have_tools(&["gcc"]) {
        let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        let options = match leaks {
            Leaks::AreErrors => "detect_leaks=1",
            Leaks::AreExpected => "detect_leaks=0",
        };
        check(name, &flags, &[], &[("ASAN_OPTIONS", options)]);
    }
}

/// Sees into the library, too: reads of freed or unwritten memory.
fn under_valgrind(name: &str, leaks: Leaks) {
    if have_tools(&["gcc", "valgrind"]) {
        let leak_check = match leaks {
            Leaks::AreErrors => "--leak-check=full",
            Leaks::AreExpected => "--leak-check=no",
        };
        let definite = "--errors-for-leak-kinds=definite";
        let wrapper = ["valgrind", "-q", "--error-exitcode=99", leak_check, definite];
        check(name, &["-O1"], &wrapper, &[]);
    }
}

#[derive(Clone, Copy)]
enum Leaks {
    AreErrors,
    /// Whoever jumps over frames of the library loses what these own.
    AreExpected,
}

macro_rules! programs {
    ($($name:ident: $leaks:ident),* $(,)?) => {
        $(mod $name {
            use super::Leaks;

            #[test]
            fn plain() {
                super::plain(stringify!($name));
            }

            #[test]
            fn sanitized() {
                super::sanitized(stringify!($name), Leaks::$leaks);
            }

            #[test]
            fn valgrind() {
                super::under_valgrind(stringify!($name), Leaks::$leaks);
            }
        })*
    };
}

programs! {
    null: AreErrors,
    misuse: AreErrors,
    callbacks: AreErrors,
    longjmp: AreExpected,
    hosts: AreExpected,
    threads: AreErrors,
    crew: AreErrors,
    roundtrip: AreErrors,
    process: AreErrors,
    files: AreErrors,
}

/// The program stands in for the allocator, which sanitizers and valgrind do too.
#[test]
fn memory_can_be_refused() {
    if have_tools(&["gcc"]) {
        check("alloc", &["-O2"], &[], &[("RUST_BACKTRACE", "0")]);
    }
}

/// A new function is forgotten in none of the programs that try all of them.
#[test]
fn every_function_is_tried_with_null() {
    let source = std::fs::read_to_string(root().join("tests/c/null.c")).unwrap();
    let is_tried = |name: &str| source.contains(&format!("{name}("));
    let forgotten: Vec<_> =
        declared::functions().into_iter().filter(|name| !is_tried(name)).collect();
    assert!(forgotten.is_empty(), "not in tests/c/null.c: {forgotten:?}");
}

/// Compiles a file that only includes the header, in C and in C++ of these
/// standards; what is not there is not tried.
#[test]
fn header_compiles_alone() {
    if !have_tools(&["gcc", "g++"]) {
        return;
    }
    let scratch = scratch();
    let source = scratch.path().join("alone");
    std::fs::write(&source, "#include \"ocilayout.h\"\n#include \"ocilayout.h\"\n").unwrap();
    let standards = [
        ("c", ["gcc", "clang"], &["c99", "c11", "c2x", "gnu2x"][..]),
        ("c++", ["g++", "clang++"], &["c++11", "c++17"][..]),
    ];
    for (language, compilers, standards) in standards {
        let (first, second) = (compilers[0], compilers[1]);
        let second = Command::new(second).arg("--version").output().is_ok().then_some(second);
        for compiler in [Some(first), second].into_iter().flatten() {
            for standard in standards {
                let mut command = Command::new(compiler);
                command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]);
                command.arg(format!("-std={standard}")).arg("-I").arg(root().join("include"));
                run(command.args(["-x", language]).arg(&source));
            }
        }
    }
}

#[test]
fn exceptions_end_the_process() {
    if !have_tools(&["g++"]) {
        return;
    }
    let scratch = scratch();
    let out = scratch.path().join("exception");
    compile("g++", &["-std=c++11"], "tests/c/exception.cc", &out);
    run(program(&out, scratch.path()).arg(scratch.path()));
}

const MIB: u64 = 1 << 20;

/// Layers of any size take the memory of a few buffers: with two threads under 48 MiB,
/// and under 8 MiB for each further one.
fn streams(compression: &str, mebibytes: u64, threads: u64, sources: u64) {
    if !have_tools(&["gcc"]) {
        return;
    }
    let scratch = scratch();
    let out = scratch.path().join("memory");
    compile("gcc", &["-std=c11", "-O2"], "tests/c/memory.c", &out);
    let begun = std::time::Instant::now();
    let mut command = program(&out, scratch.path());
    command.arg(scratch.path()).arg((mebibytes * MIB).to_string()).arg(compression);
    let grown = growth(command.arg(threads.to_string()).arg(sources.to_string()));
    let seconds = begun.elapsed().as_secs_f64();
    let what = format!(
        "{sources} of {mebibytes} MiB with {compression} on {threads} threads: {grown} KiB more"
    );
    report(&format!("{what}, {seconds:.1} s"));
    assert!(grown < (48 + 8 * (threads - 2)) * 1024, "{what}");
}

fn growth(command: &mut Command) -> u64 {
    run(command).trim().strip_prefix("grew by ").unwrap().parse().unwrap()
}

#[test]
fn streaming_takes_little_memory() {
    streams("none", 4096, 2, 1);
}

#[test]
fn compressing_with_gzip_takes_little_memory() {
    streams("gzip", 4096, 2, 1);
}

#[test]
fn compressing_with_zstd_takes_little_memory() {
    streams("zstd", 4096, 2, 1);
}

#[test]
fn many_threads_take_little_memory() {
    for compression in ["none", "gzip", "zstd"] {
        streams(compression, 512, 8, 1);
    }
}

#[test]
fn many_sources_take_no_more_memory() {
    for compression in ["none", "gzip", "zstd"] {
        streams(compression, 128, 2, 8);
        streams(compression, 128, 8, 8);
    }
}

/// What is known of an index, and the one that comes of it, are not copied again.
#[test]
fn edits_take_a_few_times_the_memory_of_the_index() {
    if !have_tools(&["gcc"]) {
        return;
    }
    let scratch = scratch();
    let (out, layout) = (scratch.path().join("edits"), scratch.path().join("layout"));
    compile("gcc", &["-std=c11", "-O2"], "tests/c/edits.c", &out);
    let entries = (0..100_000).map(|n| {
        serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{n:064x}"),
            "size": 397,
            "platform": { "architecture": "amd64", "os": "linux" },
            "annotations": { "org.opencontainers.image.ref.name": format!("n{n}") },
        })
    });
    let manifests: Vec<_> = entries.collect();
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": manifests }).to_string();
    std::fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    std::fs::write(layout.join("index.json"), &index).unwrap();
    let grown = growth(program(&out, scratch.path()).arg(&layout));
    let size = index.len() as u64 / 1024;
    let what = format!("edits of an index of {size} KiB: {grown} KiB more");
    report(&what);
    assert!(grown < 5 * size, "{what}");
}

/// The program loads and unloads the library, with which it is not linked.
#[test]
fn it_can_be_unloaded() {
    if !have_tools(&["gcc"]) {
        return;
    }
    let scratch = scratch();
    let out = scratch.path().join("unload");
    compile("gcc", &["-std=c11", "-O2", "-Wl,--as-needed"], "tests/c/unload.c", &out);
    run(Command::new(&out).arg(scratch.path()).arg(library_folder().join("libocilayout.so")));
}

/// It forks many times, which takes valgrind minutes. And the sanitizer for addresses
/// does not have its allocator in order in a child of a process with threads: a child
/// waits for ever for a lock that another thread held. That of libc is, and spoils what
/// is freed.
mod children {
    use super::{check, have_tools, plain};

    #[test]
    fn plainly() {
        plain("children");
    }

    #[test]
    fn under_sanitizers() {
        if have_tools(&["gcc"]) {
            let flags = ["-fsanitize=undefined", "-fno-sanitize-recover=all"];
            check("children", &flags, &[], &[("MALLOC_PERTURB_", "165")]);
        }
    }
}
