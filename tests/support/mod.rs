//! What several test files need: tools of the machine, and programs in C.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

/// Whether these programs are here. If not, the test is skipped, and says so;
/// in CI that is a failure.
pub fn have_tools(names: &[&str]) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let is_here = |name: &str| std::env::split_paths(&paths).any(|dir| dir.join(name).is_file());
    let missing: Vec<_> = names.iter().filter(|name| !is_here(name)).collect();
    if missing.is_empty() {
        return true;
    }
    skip(&format!("{missing:?} not found"));
    false
}

/// Says past the test runner, which hides what a passing test prints, that a
/// test did not run. In CI that is a failure.
pub fn skip(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(std::env::var_os("CI").is_none(), "{test} was skipped: {why}");
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// Says something past the test runner, such as a figure that was measured.
pub fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Runs a command and asks for success.
pub fn run(command: &mut Command) -> String {
    let output = output(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command, whatever comes of it.
pub fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    spawn(command).wait_with_output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

static FORKS: RwLock<()> = RwLock::new(());

/// Starts a command.
pub fn spawn(command: &mut Command) -> Child {
    let _forking = FORKS.read().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Lets no other test fork for as long as this is held. Until it executes its
/// program, a child holds all files that are open here, and the room of those
/// that are deleted.
pub fn without_forks() -> RwLockWriteGuard<'static, ()> {
    FORKS.write().unwrap_or_else(PoisonError::into_inner)
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder in which cargo put the shared library beside this test.
pub fn library_folder() -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    assert!(folder.join("libocilayout.so").is_file(), "no shared library in {folder:?}");
    folder
}

/// Compiles a program against the header and the shared library, every warning
/// an error. `compiler` is such as `gcc` or `g++`; `source` is relative to the
/// root. The library is found at run time by [`program`].
pub fn compile(compiler: &str, flags: &[&str], source: impl AsRef<Path>, out: &Path) {
    let library = library_folder();
    let mut command = Command::new(compiler);
    command
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-pthread"])
        .args(flags)
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join(source))
        .arg("-o")
        .arg(out)
        .arg("-L")
        .arg(&library)
        .arg("-locilayout");
    run(&mut command);
}

/// Builds a program of tests/interop that speaks for a library in Go.
pub fn build_go(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut build = Command::new("go");
    build
        .current_dir(root().join("tests/interop").join(name))
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".");
    run(&mut build);
    program
}

/// A command that runs a compiled program with the library of this build.
/// The loader asks for the soname, which cargo gives to no file: `scratch` gets
/// a link of that name.
pub fn program(path: impl AsRef<OsStr>, scratch: &Path) -> Command {
    let soname = scratch.join("libocilayout.so.0.1");
    if !soname.exists() {
        std::os::unix::fs::symlink(library_folder().join("libocilayout.so"), &soname).unwrap();
    }
    let mut command = Command::new(path);
    command.env("LD_LIBRARY_PATH", scratch);
    command
}
