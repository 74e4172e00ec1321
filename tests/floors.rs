//! Each floor of `src/` uses only those below it.

use std::path::{Path, PathBuf};

/// From the bottom up.
const FLOORS: [&str; 7] = ["words", "archive", "store", "layer", "layout", "upkeep", "ffi"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn no_floor_looks_up() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (height, floor) in FLOORS.iter().enumerate() {
        let files = sources(&source.join(floor));
        assert!(!files.is_empty(), "{floor} is empty");
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for path in code.flat_map(|line| line.split("crate::").skip(1)) {
                // Written out in full, so that this test can read it.
                let below = FLOORS[..=height].iter().any(|floor| path.starts_with(floor));
                assert!(below, "{} uses crate::{path}", file.display());
            }
        }
    }
}

#[test]
fn every_folder_is_a_floor() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap());
    let mut folders: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut floors = FLOORS.map(str::to_owned);
    floors.sort();
    assert_eq!(folders, floors);
}
