//! The layout, looked at with nothing of the library.

use super::plan::Shown;
use serde_json::Value;
use std::path::{Path, PathBuf};

pub struct Entry {
    pub name: String,
    pub digest: String,
    pub size: u64,
}

/// The entries of `index.json`, which must not be torn.
pub fn entries(layout: &Path) -> Vec<Entry> {
    let text = std::fs::read(layout.join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&text)
        .unwrap_or_else(|error| panic!("index.json is torn: {error}: {text:?}"));
    let entry = |entry: &Value| Entry {
        name: text_of(&entry["annotations"]["org.opencontainers.image.ref.name"]),
        digest: text_of(&entry["digest"]),
        size: entry["size"].as_u64().unwrap(),
    };
    index["manifests"].as_array().unwrap().iter().map(entry).collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}

/// What the names show that begin so. None of them is there twice.
pub fn shown(layout: &Path, prefix: &str) -> Shown {
    let mut shown = Shown::new();
    for Entry { name, digest, .. } in entries(layout) {
        if name.starts_with(prefix) {
            let text = std::fs::read_to_string(blob(layout, &digest)).unwrap();
            assert!(shown.insert(name.clone(), text).is_none(), "{name} is there twice");
        }
    }
    shown
}
