//! What a layout holds, seen by the checker.

use crate::checker::Checker;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[derive(Debug, Default)]
pub struct State {
    /// The name and the digest of each entry; `None` if it is no layout yet.
    pub entries: Option<Vec<(Option<String>, String)>>,
    /// The path below `blobs` of every blob.
    pub blobs: BTreeSet<String>,
    /// The digests of those that nothing points at.
    pub unreferenced: BTreeSet<String>,
    /// What is no part of the layout, such as hidden files.
    pub left: Vec<String>,
}

impl State {
    /// Looks at a layout.
    ///
    /// # Errors
    /// When the checker finds it unsound.
    pub fn of(layout: &Path, checker: &mut Checker) -> Result<Self, String> {
        let blobs = blobs(&layout.join("blobs")).map_err(|error| error.to_string())?;
        if !layout.join("oci-layout").exists() {
            return Ok(Self { blobs, ..Self::default() });
        }
        let answer = checker.check(layout);
        if !answer.problems.is_empty() {
            return Err(format!("the checker finds {:?}", answer.problems));
        }
        if let Some(name) = answer.left.iter().find(|name| name.starts_with("blobs")) {
            return Err(format!("{name} is no blob"));
        }
        let unreferenced = answer.unreferenced.into_iter().collect();
        Ok(Self { entries: Some(answer.entries), blobs, unreferenced, left: answer.left })
    }

    /// What it holds, in short.
    pub fn told(&self) -> String {
        let Some(entries) = &self.entries else { return "no layout".to_owned() };
        let names = entries.iter().take(10).map(|(name, _)| name.as_deref().unwrap_or("-"));
        format!("{} entries: {} ...", entries.len(), names.collect::<Vec<_>>().join(", "))
    }

    /// Checks that of what changes from `before` to `after` some has changed and
    /// nothing else.
    pub fn check_blobs_between(&self, before: &Self, after: &Self) -> Result<(), String> {
        let lost = before.blobs.intersection(&after.blobs).find(|blob| !self.blobs.contains(*blob));
        if let Some(blob) = lost {
            return Err(format!("the blob {blob} is gone"));
        }
        let known = |blob: &&String| before.blobs.contains(*blob) || after.blobs.contains(*blob);
        match self.blobs.iter().find(|blob| !known(blob)) {
            Some(blob) => Err(format!("nobody put the blob {blob}")),
            None => Ok(()),
        }
    }
}

fn blobs(folder: &Path) -> std::io::Result<BTreeSet<String>> {
    let mut blobs = BTreeSet::new();
    if !folder.exists() {
        return Ok(blobs);
    }
    for algorithm in fs::read_dir(folder)? {
        for blob in fs::read_dir(algorithm?.path())? {
            let path = blob?.path();
            blobs.insert(path.strip_prefix(folder).unwrap().display().to_string());
        }
    }
    Ok(blobs)
}
