//! What became of the interface since the last release, and which version that calls
//! for: docs/abi.md. abidiff judges it as a C compiler reads it from the header; that
//! the library exports the same functions is seen by tests/symbols.rs.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{have_tools, output, report, root, run};

type Version = [u64; 3];

fn version(text: &str) -> Version {
    let parts: Vec<_> = text.split('.').map(|part| part.parse().unwrap()).collect();
    parts.try_into().unwrap()
}

/// The struct that may get more members at its end: the library fills it in, and a caller
/// reads those that it knows.
const GROWING: &str = "ocilayout_progress";

/// Functions and types in the form of abidw, what the macros stand for, and the members
/// of the struct that may grow.
struct Interface {
    abi: PathBuf,
    constants: BTreeMap<String, String>,
    members: Vec<String>,
}

impl Interface {
    /// As a header declares it. Each function gets a body, so that there is a library
    /// that tells the types of its debug information as C has them.
    fn declared(header: &str, scratch: &Path) -> Self {
        let path = |name| scratch.join(name);
        fs::write(path("ocilayout.h"), header).unwrap();
        fs::write(path("include.c"), "#include \"ocilayout.h\"\n").unwrap();
        let gcc = || {
            let mut command = Command::new("gcc");
            command.current_dir(scratch);
            command
        };
        run(gcc().args(["-fsyntax-only", "-aux-info", "prototypes", "include.c"]));
        let prototypes = fs::read_to_string(path("prototypes")).unwrap();
        let ours = prototypes.lines().filter(|line| line.contains("ocilayout.h:"));
        let bodies = ours.map(|line| line.replace(';', " { __builtin_trap(); }\n"));
        let source = format!("#include \"ocilayout.h\"\n{}", bodies.collect::<String>());
        fs::write(path("library.c"), source).unwrap();
        run(gcc().args(["-std=gnu2x", "-g", "-shared", "-fPIC", "library.c", "-o", "library.so"]));
        let options = ["--no-show-locs", "--no-corpus-path", "--no-comp-dir-path"];
        let mut abidw = Command::new("abidw");
        run(abidw.args(options).arg(path("library.so")).arg("--out-file").arg(path("abi")));

        let macros = run(gcc().args(["-E", "-dM", "include.c"]));
        let constants = macros.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
            let counts = name.starts_with("OCILAYOUT_") && !name.starts_with("OCILAYOUT_VERSION_");
            let is_value = !value.is_empty() && name != "OCILAYOUT_MUST_USE";
            (counts && is_value).then(|| (name.to_owned(), value.to_owned()))
        });
        let (_, behind) = header.split_once(&format!("typedef struct {GROWING} {{")).unwrap();
        let (inside, _) = behind.split_once(&format!("}} {GROWING};")).unwrap();
        let members = inside.lines().map(str::trim).filter(|line| line.ends_with(';'));
        Self {
            abi: path("abi"),
            constants: constants.collect(),
            members: members.map(str::to_owned).collect(),
        }
    }

    /// As the last release has it.
    fn released() -> (Version, Self) {
        let folder = root().join("tests/abi");
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut dumps = files.filter(|path| path.extension().is_some_and(|end| end == "abi"));
        let abi = dumps.next().unwrap();
        assert_eq!(dumps.next(), None, "more than one release in {folder:?}");
        let constants = fs::read_to_string(abi.with_extension("constants")).unwrap();
        let pairs = constants.lines().map(|line| line.split_once(' ').unwrap());
        let constants = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let members = fs::read_to_string(abi.with_extension("members")).unwrap();
        let members = members.lines().map(str::to_owned).collect();
        let release = version(abi.file_stem().unwrap().to_str().unwrap());
        (release, Self { abi, constants, members })
    }

    /// Becomes what later ones are compared with.
    fn release(&self) {
        let version = env!("CARGO_PKG_VERSION");
        let release = |extension| root().join(format!("tests/abi/{version}.{extension}"));
        let (_, last) = Self::released();
        for extension in ["abi", "constants", "members"] {
            fs::remove_file(last.abi.with_extension(extension)).unwrap();
        }
        let constants = self.constants.iter().map(|(name, value)| format!("{name} {value}\n"));
        let members = self.members.iter().map(|member| format!("{member}\n"));
        fs::copy(&self.abi, release("abi")).unwrap();
        fs::write(release("constants"), constants.collect::<String>()).unwrap();
        fs::write(release("members"), members.collect::<String>()).unwrap();
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    None,
    /// Programs that are built go on to work.
    Growth,
    Break,
}

/// What differs, and how it was told.
fn compare(old: &Interface, new: &Interface) -> (Change, String) {
    let abidiff = |options: &[&str]| {
        let mut command = Command::new("abidiff");
        command.arg("--no-architecture").args(options).args([&old.abi, &new.abi]);
        let output = output(&mut command);
        // The lower bits are those of abidiff's own failures.
        let code = output.status.code().unwrap();
        assert_eq!(code & 3, 0, "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        (code == 0, String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let growth = new.abi.with_extension("suppr");
    let has_grown = new.members != old.members && new.members.starts_with(&old.members);
    let name = if has_grown { GROWING } else { "" };
    fs::write(&growth, format!("[suppress_type]\nname = {name}\n")).unwrap();
    let (is_same, mut told) = abidiff(&[]);
    let (works, _) = abidiff(&["--no-added-syms", "--suppressions", growth.to_str().unwrap()]);
    let gone: Vec<_> = old
        .constants
        .iter()
        .filter(|(name, value)| new.constants.get(*name) != Some(value))
        .collect();
    let more: Vec<_> =
        new.constants.keys().filter(|name| !old.constants.contains_key(*name)).collect();
    told.push_str(&format!("constants that changed or are gone: {gone:?}\nnew ones: {more:?}\n"));
    let change = match () {
        () if !works || !gone.is_empty() => Change::Break,
        () if !is_same || !more.is_empty() => Change::Growth,
        () => Change::None,
    };
    (change, told)
}

/// The first version that may have such a change. Until 1.0 the soname has the minor
/// version in it, from then on the major one alone.
fn called_for(change: Change, [major, minor, patch]: Version) -> Version {
    match (change, major) {
        (Change::None, _) => [major, minor, patch],
        (Change::Growth, 0) => [0, minor, patch + 1],
        (Change::Growth, _) | (Change::Break, 0) => [major, minor + 1, 0],
        (Change::Break, _) => [major + 1, 0, 0],
    }
}

fn header() -> String {
    fs::read_to_string(root().join("include/ocilayout.h")).unwrap()
}

#[test]
fn the_version_is_what_the_changes_since_the_last_release_call_for() {
    if !have_tools(&["gcc", "abidw", "abidiff"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let fresh = Interface::declared(&header(), scratch.path());
    if std::env::var_os("UPDATE_ABI").is_some() {
        fresh.release();
    }
    let (released, last) = Interface::released();
    let (change, told) = compare(&last, &fresh);
    let dotted = |version: Version| version.map(|part| part.to_string()).join(".");
    let needed = called_for(change, released);
    let says = match change {
        Change::None => "as it was".to_owned(),
        Change::Growth => format!("grown: {} or later", dotted(needed)),
        Change::Break => format!("incompatible: a new soname, {} or later", dotted(needed)),
    };
    report(&format!("the interface since {}: {says}", dotted(released)));
    let now = version(env!("CARGO_PKG_VERSION"));
    assert!(now >= needed, "this is {}\n{told}\nSee docs/abi.md", dotted(now));
}

#[test]
fn changes_are_told_apart() {
    if !have_tools(&["gcc", "abidw", "abidiff"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let interface = |header: &str, name: &str| {
        let folder = scratch.path().join(name);
        fs::create_dir(&folder).unwrap();
        Interface::declared(header, &folder)
    };
    let header = header();
    let now = interface(&header, "now");
    let number = "uint32_t ocilayout_version_number(void);";
    let changes = [
        (Change::None, "uint64_t bytes_done;", "uint64_t bytes_done; /* so far */"),
        (
            Change::Growth,
            number,
            "uint32_t ocilayout_version_number(void); void ocilayout_x(void);",
        ),
        (Change::Growth, "uint64_t items_total;", "uint64_t items_total;\nuint64_t more;"),
        (Change::Growth, "#define OCILAYOUT_OK 0", "#define OCILAYOUT_OK 0\n#define OCILAYOUT_X 1"),
        (Change::Break, number, ""),
        (Change::Break, number, "uint64_t ocilayout_version_number(void);"),
        (Change::Break, number, "uint32_t ocilayout_version_number(int);"),
        (Change::Break, "uint64_t bytes_total;", "uint64_t more; uint64_t bytes_total;"),
        (Change::Break, "uint64_t items_done;", "uint32_t items_done;"),
        (Change::Break, "typedef int32_t ocilayout_status;", "typedef int64_t ocilayout_status;"),
        (Change::Break, "void *buf, size_t cap);", "void *buf, uint32_t cap);"),
        (Change::Break, "#define OCILAYOUT_OK 0", "#define OCILAYOUT_OK 1"),
        (Change::Break, "#define OCILAYOUT_BLOB_REHASH (1ull << 0)", ""),
    ];
    for (number, (expected, from, to)) in changes.into_iter().enumerate() {
        assert_eq!(header.matches(from).count(), 1, "{from}");
        let then = interface(&header.replace(from, to), &number.to_string());
        let (change, told) = compare(&now, &then);
        assert_eq!(change, expected, "{from} -> {to}\n{told}");
    }
}

#[test]
fn a_change_calls_for_a_version() {
    for (change, old, new) in [
        (Change::None, "0.1.0", "0.1.0"),
        (Change::Growth, "0.1.0", "0.1.1"),
        (Change::Break, "0.1.3", "0.2.0"),
        (Change::None, "1.2.3", "1.2.3"),
        (Change::Growth, "1.2.3", "1.3.0"),
        (Change::Break, "1.2.3", "2.0.0"),
    ] {
        assert_eq!(called_for(change, version(old)), version(new), "{change:?} {old}");
    }
}
