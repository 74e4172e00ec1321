//! The Rust version that Cargo.toml states is enough for what the library
//! depends on. Whether it is enough for our own code is seen by clippy's lint
//! `incompatible_msrv`, which `make test` denies.

mod support;

use serde_json::Value;
use std::process::Command;
use support::run;

type Version = (u64, u64);

fn version(text: &str) -> Version {
    let mut parts = text.split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap_or(0))
}

#[test]
fn dependencies_need_no_newer_rust_than_we_state() {
    let cargo = || {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(support::root());
        command
    };
    let used = run(cargo()
        .args(["tree", "--locked", "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}"]));
    let metadata = run(cargo().args(["metadata", "--locked", "--format-version", "1"]));
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let stated = version(env!("CARGO_PKG_RUST_VERSION"));
    let mut looked_at = 0;
    for package in packages {
        let (name, number) =
            (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        if !used.lines().any(|line| line.starts_with(&format!("{name} v{number}"))) {
            continue;
        }
        looked_at += 1;
        if let Some(needed) = package["rust_version"].as_str() {
            assert!(version(needed) <= stated, "{name} {number} needs Rust {needed}");
        }
    }
    assert!(looked_at > 10, "only {looked_at} dependencies were looked at");
}
