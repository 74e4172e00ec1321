//! `make install` puts everything in its place, and programs outside of the tree are
//! built with what stands there, in each way that the README names.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{have_tools, library_folder, output, root, run};
use tempfile::TempDir;

/// Programs that say which version they were compiled and run with.
const SOURCES: [(&str, &str); 2] = [("cc", "program.c"), ("c++", "program.cpp")];

/// Runs make as root may who has built nothing: of all programs only those that
/// installing takes are here. Instead of a release what this test has built is taken.
fn make(scratch: &Path, target: &str, variables: &[String]) {
    let tools = scratch.join("tools");
    if !tools.exists() {
        fs::create_dir(&tools).unwrap();
        for tool in ["install", "sed", "ln", "rm"] {
            let path = run(Command::new("sh").arg("-c").arg(format!("command -v {tool}")));
            symlink(path.trim(), tools.join(tool)).unwrap();
        }
    }
    let make = run(Command::new("sh").args(["-c", "command -v make"]));
    let mut command = Command::new(make.trim());
    command.current_dir(root()).env_clear().env("PATH", tools);
    for (name, file) in [("LIBRARY", "libocilayout.so"), ("ARCHIVE", "libocilayout.a")] {
        command.arg(format!("{name}={}", library_folder().join(file).display()));
    }
    run(command.args(["--silent", target]).args(variables));
}

/// The files below a folder, links with what they point at.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if let Ok(target) = fs::read_link(&path) {
                found.insert(format!("{name} -> {}", target.display()));
            } else if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(name);
            }
        }
    }
    found
}

/// The names in a folder of the sources, if it is there.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).into_iter().flatten();
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn everything_has_its_place_and_goes_from_it() {
    if !have_tools(&["make"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let stage = scratch.path().join("stage");
    let variables = [
        format!("DESTDIR={}", stage.display()),
        "PREFIX=/opt/oci".to_owned(),
        "LIBDIR=/opt/oci/lib64".to_owned(),
    ];
    make(scratch.path(), "install", &variables);

    let version = env!("CARGO_PKG_VERSION");
    let mut expected = BTreeSet::from([
        format!("lib64/libocilayout.so.{version}"),
        format!("lib64/libocilayout.so.0.1 -> libocilayout.so.{version}"),
        "lib64/libocilayout.so -> libocilayout.so.0.1".to_owned(),
        "lib64/libocilayout.a".to_owned(),
        "lib64/pkgconfig/ocilayout.pc".to_owned(),
        "lib64/cmake/ocilayout/ocilayout-config.cmake".to_owned(),
        "lib64/cmake/ocilayout/ocilayout-config-version.cmake".to_owned(),
    ]);
    for name in ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        expected.insert(format!("share/doc/ocilayout/{name}"));
    }
    for (folder, place) in [
        ("include", "include"),
        ("examples-c", "share/doc/ocilayout/examples"),
        ("docs", "share/doc/ocilayout"),
        ("docs/guide", "share/doc/ocilayout/guide"),
        ("docs/man", "share/man/man3"),
    ] {
        expected.extend(names(folder).iter().map(|name| format!("{place}/{name}")));
    }
    assert_eq!(files(&stage.join("opt/oci")), expected);
    assert_eq!(fs::read_dir(&stage).unwrap().count(), 1, "only what is below the prefix");

    // What is found later does not know where it was put together.
    for name in expected.iter().filter(|name| name.ends_with(".pc") || name.ends_with(".cmake")) {
        let text = fs::read_to_string(stage.join("opt/oci").join(name)).unwrap();
        assert!(!text.contains(stage.to_str().unwrap()) && !text.contains('@'), "{name}: {text}");
    }

    make(scratch.path(), "uninstall", &variables);
    assert_eq!(files(&stage), BTreeSet::new());
    let ours = run(Command::new("find").arg(&stage).args(["-name", "*ocilayout*"]));
    assert_eq!(ours, "");
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The first block of the README in a language.
fn block(language: &str) -> String {
    let readme = readme();
    let (_, behind) = readme.split_once(&format!("```{language}\n")).unwrap();
    behind.split_once("```").unwrap().0.to_owned()
}

/// A prefix with everything installed, and programs that are to be built with it.
struct Outside(TempDir);

impl Outside {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let prefix = scratch.path().join("prefix");
        make(scratch.path(), "install", &[format!("PREFIX={}", prefix.display())]);
        fs::write(scratch.path().join("first.c"), block("c")).unwrap();
        for name in names("tests/install") {
            let source = root().join("tests/install").join(&name);
            fs::copy(source, scratch.path().join(name)).unwrap();
        }
        Self(scratch)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A command that knows of the prefix what who installed into it says.
    fn command(&self, name: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(name);
        command.current_dir(&self.0).env("PKG_CONFIG_PATH", self.path("prefix/lib/pkgconfig"));
        command.env("LD_LIBRARY_PATH", self.path("prefix/lib"));
        command
    }

    /// Runs the README's program.
    fn pack(&self, program: &Path) {
        fs::write(self.path("layer.tar"), [0; 1024]).unwrap();
        run(self.command(program).args(["packed", "latest", "layer.tar"]));
        let layout = ocilayout::Layout::open(self.path("packed")).unwrap();
        assert_eq!(layout.resolve("latest", None).unwrap().reference(), Some("latest"));
        fs::remove_dir_all(self.path("packed")).unwrap();
    }

    /// Runs a program, which asks its library for the version, and looks how it is linked.
    fn check(&self, program: &Path, is_shared: bool) {
        let said = run(self.command(program).arg(self.path("layout")));
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(said, format!("{version} {version}\n"));
        let dynamic = run(Command::new("readelf").args(["-d", "-W"]).arg(program));
        let needs_it = dynamic.contains("Shared library: [libocilayout.so.0.1]");
        assert_eq!(needs_it, is_shared, "{program:?}: {dynamic}");
        fs::remove_dir_all(self.path("layout")).unwrap();
    }
}

#[test]
fn programs_are_built_by_pkg_config() {
    if !have_tools(&["make", "gcc", "g++", "pkg-config", "readelf"]) {
        return;
    }
    let outside = Outside::new();
    let readme = readme();
    let is_of_c = |line: &&str| line.starts_with("cc ") && line.contains("$(pkg-config");
    let lines: Vec<_> = readme.lines().filter(is_of_c).collect();
    assert_eq!(lines.len(), 2, "one that links with the shared library, one static: {lines:?}");
    for line in lines {
        run(outside.command("sh").args(["-c", line]));
        outside.pack(&outside.path("first"));
        for (compiler, source) in SOURCES {
            let line = line.replacen("cc ", &format!("{compiler} "), 1).replace("first.c", source);
            run(outside.command("sh").args(["-c", &line]));
            outside.check(&outside.path("first"), !line.contains("-static"));
        }
    }
    let told = run(outside.command("pkg-config").args(["--modversion", "ocilayout"]));
    assert_eq!(told.trim(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn programs_are_built_by_cmake() {
    if !have_tools(&["make", "gcc", "g++", "cmake", "readelf"]) {
        return;
    }
    let outside = Outside::new();
    let lists = outside.path("CMakeLists.txt");
    let more = format!("add_executable(first first.c)\n{}", block("cmake"));
    fs::write(&lists, fs::read_to_string(&lists).unwrap() + &more).unwrap();
    let build = |prefix: &str, folder: &str| {
        let prefix = format!("-DCMAKE_PREFIX_PATH={}", outside.path(prefix).display());
        run(outside.command("cmake").args(["-S", ".", "-B", folder, &prefix]));
        run(outside.command("cmake").args(["--build", folder]));
    };
    build("prefix", "build");
    outside.pack(&outside.path("build/first"));
    for language in ["c", "cpp"] {
        for linked in ["shared", "static"] {
            let program = outside.path(&format!("build/{language}-{linked}"));
            outside.check(&program, linked == "shared");
        }
    }
    // The tree may be moved.
    fs::rename(outside.path("prefix"), outside.path("moved")).unwrap();
    build("moved", "again");
}

/// What find_package() asks the version file.
#[test]
fn cmake_finds_what_has_the_same_soname() {
    if !have_tools(&["make", "cmake"]) {
        return;
    }
    let outside = Outside::new();
    let file = "prefix/lib/cmake/ocilayout/ocilayout-config-version.cmake";
    let script = format!(
        "string(REPLACE . \";\" parts ${{PACKAGE_FIND_VERSION}})\n\
         list(APPEND parts 0 0)\n\
         list(GET parts 0 PACKAGE_FIND_VERSION_MAJOR)\n\
         list(GET parts 1 PACKAGE_FIND_VERSION_MINOR)\n\
         include({file})\n\
         message(\"${{PACKAGE_VERSION_COMPATIBLE}} ${{PACKAGE_VERSION_EXACT}}\")\n"
    );
    fs::write(outside.path("asks.cmake"), script).unwrap();
    for (asked, answer) in [
        ("0.1", "TRUE TRUE"),
        ("0.1.0", "TRUE TRUE"),
        ("0.1.1", ""),
        ("0.0", ""),
        ("0.2", ""),
        ("1.0", ""),
    ] {
        let mut cmake = outside.command("cmake");
        cmake.arg(format!("-DPACKAGE_FIND_VERSION={asked}")).args(["-P", "asks.cmake"]);
        let said = output(&mut cmake);
        assert_eq!(String::from_utf8_lossy(&said.stderr).trim(), answer, "{asked}");
    }
}

/// What stands in several files is the same in all of them.
#[test]
fn debian_packages_have_the_version_and_the_soname() {
    let read = |name| fs::read_to_string(root().join("debian").join(name)).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let changelog = read("changelog");
    assert!(changelog.starts_with(&format!("ocilayout ({version}-")), "{changelog}");
    let (soname, _) = version.rsplit_once('.').unwrap();
    let control = read("control");
    assert!(control.contains(&format!("\nPackage: libocilayout{soname}\n")), "{control}");
    assert!(control.contains(&format!("\nDepends: libocilayout{soname} (= ")), "{control}");
    assert!(root().join(format!("debian/libocilayout{soname}.install")).is_file());
}

/// Linking proves that nothing is missing; this, that nothing is left of another version.
#[test]
fn static_programs_take_from_the_system_what_rust_does() {
    if !have_tools(&["make", "pkg-config"]) {
        return;
    }
    let outside = Outside::new();
    fs::write(outside.path("empty.rs"), "").unwrap();
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
    rustc.current_dir(outside.path("")).args(["--crate-type", "staticlib", "empty.rs"]);
    let said = output(rustc.args(["--print", "native-static-libs"]));
    let said = String::from_utf8_lossy(&said.stderr);
    let (_, libraries) = said.split_once("native-static-libs:").unwrap();
    let libraries = libraries.lines().next().unwrap().split_whitespace();
    let expected: Vec<_> = libraries.filter(|name| !["-lgcc_s", "-lc"].contains(name)).collect();
    let file = fs::read_to_string(outside.path("prefix/lib/pkgconfig/ocilayout.pc")).unwrap();
    let private = file.lines().find_map(|line| line.strip_prefix("Libs.private: ")).unwrap();
    assert_eq!(private.split_whitespace().collect::<Vec<_>>(), expected);
}
