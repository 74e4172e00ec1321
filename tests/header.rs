//! The committed header is what cbindgen makes of the shim today.

use std::path::Path;

/// In the order in which the header tells them.
const FILES: [&str; 25] = [
    "error",
    "version",
    "layout",
    "interrupt",
    "bytes",
    "blob_options",
    "blob",
    "sources",
    "archive",
    "blob_writer",
    "blob_reader",
    "descriptor",
    "descriptors",
    "matching",
    "edit",
    "transaction",
    "lookup",
    "tree",
    "upkeep",
    "collect",
    "verify",
    "image",
    "index",
    "callback",
    "progress",
];

#[test]
fn committed_header_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in FILES {
        builder = builder.with_src(root.join(format!("src/ffi/{file}.rs")));
    }
    let mut fresh = Vec::new();
    builder.generate().unwrap().write(&mut fresh);
    let path = root.join("include/ocilayout.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "include/ocilayout.h is not what src/ffi says; mend it: UPDATE_HEADER=1 cargo test --test header"
    );
}
