//! What include/ocilayout.h declares, read from its text.

use std::collections::BTreeSet;

/// The header without comments and preprocessor lines.
fn code() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/include/ocilayout.h");
    let mut header = std::fs::read_to_string(path).unwrap();
    while let Some((before, comment)) = header.split_once("/*") {
        let (_, behind) = comment.split_once("*/").expect("a comment that ends");
        header = format!("{before} {behind}");
    }
    let mut header = header.replace("\\\n", " ").replace("extern \"C\" {", "");
    // The members of a struct are no names of the header's.
    while let Some((before, members)) = header.split_once('{') {
        let (_, behind) = members.split_once('}').expect("a struct that ends");
        header = format!("{before} {behind}");
    }
    let lines = header.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split("//").next()).collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

pub fn functions() -> BTreeSet<String> {
    names().into_iter().filter(|(_, kind)| *kind == Kind::Function).map(|(name, _)| name).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Function,
    Type,
}

/// The name that each declaration introduces.
pub fn names() -> Vec<(String, Kind)> {
    let code = code();
    let declarations = code.split(';').filter(|text| words(text).next().is_some());
    declarations
        .map(|declaration| {
            let is_type = words(declaration).next() == Some("typedef");
            let name = match declaration.split_once("(*") {
                Some((_, pointer)) if is_type => words(pointer).next(),
                _ => words(declaration.split('(').next().unwrap_or_default()).next_back(),
            };
            let kind = if is_type { Kind::Type } else { Kind::Function };
            (name.unwrap_or_default().to_owned(), kind)
        })
        .collect()
}
