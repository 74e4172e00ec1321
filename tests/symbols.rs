//! The shared library exports what the header declares, and no other name.

#![allow(unreachable_pub, reason = "a test is nobody's library")]

mod support;

#[path = "c/declared.rs"]
mod declared;

use declared::Kind;
use std::collections::BTreeSet;
use std::process::Command;
use support::{have_tools, library_folder, root, run};

/// Every function that was ever released. It only grows within a soname.
const LIST: &str = "tests/symbols.txt";

fn exported() -> BTreeSet<String> {
    let library = library_folder().join("libocilayout.so");
    let symbols = run(Command::new("nm").args(["-D", "--defined-only", "-P"]).arg(library));
    symbols.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect()
}

#[test]
fn exported_functions_are_those_of_the_header() {
    if !have_tools(&["nm"]) {
        return;
    }
    let (exported, declared) = (exported(), declared::functions());
    let hidden: Vec<_> = declared.difference(&exported).collect();
    assert!(hidden.is_empty(), "in include/ocilayout.h, but not in the library: {hidden:?}");
    let secret: Vec<_> = exported.difference(&declared).collect();
    assert!(secret.is_empty(), "in the library, but not in include/ocilayout.h: {secret:?}");
}

#[test]
fn exported_functions_are_those_of_the_list() {
    if !have_tools(&["nm"]) {
        return;
    }
    let fresh: String = exported().into_iter().map(|name| name + "\n").collect();
    let path = root().join(LIST);
    if std::env::var_os("UPDATE_SYMBOLS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let change = |sign, of: &str, than: &str| {
        let lines = of.lines().filter(|line| !than.lines().any(|known| known == *line));
        lines.map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    assert!(
        committed == fresh,
        "the library does not export what {LIST} says; one that is gone breaks programs that are \
         built. If it is meant: UPDATE_SYMBOLS=1 cargo test --test symbols\n{}{}",
        change('-', &committed, &fresh),
        change('+', &fresh, &committed),
    );
}

#[test]
fn every_name_of_the_header_is_ours() {
    let names = declared::names();
    assert!(names.contains(&("ocilayout_read_fn".to_owned(), Kind::Type)), "{names:?}");
    let foreign: Vec<_> = names
        .iter()
        .filter(|(name, _)| name != "ocilayout" && !name.starts_with("ocilayout_"))
        .collect();
    assert!(foreign.is_empty(), "names without the prefix ocilayout_: {foreign:?}");
}

/// The preprocessor itself says what it knows after the header that it did not
/// know before.
#[test]
fn every_macro_of_the_header_is_ours() {
    if !have_tools(&["gcc"]) {
        return;
    }
    let macros = |include: &[&str]| -> BTreeSet<String> {
        let mut gcc = Command::new("gcc");
        gcc.args(["-E", "-dM", "-x", "c", "-include", "stdbool.h", "-include", "stddef.h"]);
        gcc.args(["-include", "stdint.h"]).args(include).arg("/dev/null");
        let lines = run(&mut gcc);
        let name = |line: &str| line.split([' ', '(']).nth(1).map(str::to_owned);
        lines.lines().filter_map(name).collect()
    };
    let header = root().join("include/ocilayout.h");
    let (with, without) = (macros(&["-include", header.to_str().unwrap()]), macros(&[]));
    let defined: Vec<_> = with.difference(&without).collect();
    assert!(defined.iter().any(|name| *name == "OCILAYOUT_OPEN_CREATE"), "{defined:?}");
    let foreign: Vec<_> = defined.iter().filter(|name| !name.starts_with("OCILAYOUT_")).collect();
    assert!(foreign.is_empty(), "macros without the prefix OCILAYOUT_: {foreign:?}");
}

/// Until 1.0 each minor version has a soname of its own.
#[test]
fn soname() {
    if !have_tools(&["readelf"]) {
        return;
    }
    let library = library_folder().join("libocilayout.so");
    let dynamic = run(Command::new("readelf").args(["-d", "-W"]).arg(library));
    let sonames: Vec<_> = dynamic.lines().filter(|line| line.contains("(SONAME)")).collect();
    let expected = concat!(
        "[libocilayout.so.",
        env!("CARGO_PKG_VERSION_MAJOR"),
        ".",
        env!("CARGO_PKG_VERSION_MINOR"),
        "]"
    );
    assert_eq!(expected, "[libocilayout.so.0.1]");
    assert_eq!(sonames.len(), 1, "{dynamic}");
    assert!(sonames[0].ends_with(expected), "{sonames:?}");
}
