//! The stage of a writer: a hidden folder in the root of the layout, for files
//! that are on their way and for the lease of the blobs that it has put.
//!
//! Its writer holds it by a lock, which the kernel lets go when he dies, so a
//! later writer can tell what is alive from what is left and takes the latter
//! away. Other tools pass over what stands in the root and is not theirs.

use super::directory::{Directory, Links, io_error, retry};
use super::files::BLOBS;
use super::lock::{Lock, Patience};
use super::syncfs;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::memory;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the hidden names in the root of the layout begin with.
pub(super) const HIDDEN_PREFIX: &str = ".ocilayout-";

/// The file that lists what a writer has put: one digest a line.
const LEASE: &str = "lease";

#[derive(Debug)]
pub(super) struct Stage {
    root: Arc<Directory>,
    name: OsString,
    directory: Arc<Directory>,
    files: AtomicU64,
    /// Whether all that is put here can be waited for at once.
    syncs_as_one: bool,
    held: Lock,
}

impl Stage {
    pub(super) fn new(root: &Arc<Directory>) -> Result<Self> {
        loop {
            let name = hidden_name()?;
            let Some(directory) = root.new_child(&name)? else { continue };
            // A writer that sweeps may be quicker than our lock.
            let held = Lock::exclusive(&directory, &Patience::default())?;
            if !root.is_named(&directory, &name)? {
                continue;
            }
            return Ok(Self {
                root: Arc::clone(root),
                name,
                syncs_as_one: syncfs::can_be_trusted(&directory),
                directory: Arc::new(directory),
                files: AtomicU64::new(0),
                held,
            });
        }
    }

    pub(super) fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Takes a file of this stage away, if it is there.
    pub(super) fn remove(&self, name: &OsStr) {
        if self.held.is_ours() {
            // Nobody is left to tell; what stays goes with the stage.
            let _ = self.directory.remove(name);
        }
    }

    pub(super) fn syncs_as_one(&self) -> bool {
        self.syncs_as_one
    }

    /// Waits until all that was written to this file system is on the disk. An
    /// error of any write since the stage was made is told.
    pub(super) fn sync_all(&self) -> Result<()> {
        retry(|| rustix::fs::syncfs(&self.directory))
            .map_err(|error| io_error("sync the file system of", self.directory.path(), error))
    }

    /// A name that no other file of this stage has.
    pub(super) fn free_name(&self) -> OsString {
        self.files.fetch_add(1, Ordering::Relaxed).to_string().into()
    }

    /// Keeps blobs from being collected for as long as this stage is there, whether
    /// they are there yet or not. A collection that is removing blobs right now is
    /// waited for.
    pub(super) fn lease<'a>(
        &self,
        digests: impl IntoIterator<Item = &'a Digest>,
        patience: &Patience,
    ) -> Result<()> {
        // What a full disk has cut off must not run into the next digest.
        let mut lines = String::new();
        for digest in digests {
            memory::append(&mut lines, "\n")?;
            memory::append(&mut lines, digest.as_str())?;
        }
        memory::append(&mut lines, "\n")?;
        let blobs = self.root.child_or_new(OsStr::new(BLOBS))?;
        let _no_collection = Lock::shared_by(blobs, patience)?;
        self.directory.append(OsStr::new(LEASE), lines.as_bytes())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.held.is_ours() {
            // Nobody is left to tell; what stays is swept by a later writer.
            let _ = remove(&self.root, &self.name, &self.directory);
        }
    }
}

/// Takes away what writers left that were killed. What cannot be taken away is
/// left for the next writer.
pub(super) fn sweep(root: &Directory, own: Option<&Stage>) -> Result<()> {
    let others = hidden_names(root)?.into_iter().map(OsString::from);
    for name in others.filter(|name| own.is_none_or(|own| own.name != *name)) {
        if let Ok(Some(stage)) = root.child(&name)
            && let Ok(Some(_held)) = take(root, &name, &stage)
        {
            let _ = remove(root, &name, &stage);
        }
    }
    Ok(())
}

/// The digests that living writers have put.
pub(super) fn leased(root: &Directory) -> Result<HashSet<Digest>> {
    let mut leased = HashSet::new();
    for name in hidden_names(root)?.into_iter().map(OsString::from) {
        let stage = match root.child(&name) {
            Ok(Some(stage)) => stage,
            // Gone by now, or something else that has such a name.
            Ok(None) | Err(Error::Format { .. }) => continue,
            Err(error) => return Err(error),
        };
        if take(root, &name, &stage)?.is_some() {
            continue;
        }
        let Some((mut lease, _)) = stage.open_file(OsStr::new(LEASE), Links::Refused)? else {
            continue;
        };
        let mut digests = String::new();
        lease
            .read_to_string(&mut digests)
            .map_err(|error| io_error("read", &stage.path_of(OsStr::new(LEASE)), error))?;
        for line in digests.lines() {
            if let Some(digest) = memory::unless_refused(line.parse())? {
                memory::insert(&mut leased, digest)?;
            }
        }
    }
    Ok(leased)
}

/// Whether a stage was left by a writer that is no more. It is held for an instant
/// to see that, in a way that lets others do so too.
pub(super) fn is_left(root: &Directory, name: &str) -> bool {
    let name = OsStr::new(name);
    let Ok(Some(stage)) = root.child(name) else { return false };
    // A writer holds it before anything is in it, and until it has gone.
    let is_used = stage.names().is_ok_and(|files| !files.is_empty());
    let at_once = Patience { limit: Some(Duration::ZERO), ..Patience::default() };
    let held = Lock::shared(&stage, &at_once);
    is_used && held.is_ok() && root.is_named(&stage, name).unwrap_or(false)
}

/// The names in the root that are such as stages have.
pub(super) fn hidden_names(root: &Directory) -> Result<Vec<String>> {
    let mut names = root.names()?;
    names.retain(|name| is_hidden(name));
    Ok(names)
}

/// Takes hold of a stage; `None` if its writer lives, or if it has gone.
fn take(root: &Directory, name: &OsStr, stage: &Directory) -> Result<Option<Lock>> {
    match Lock::attempt(stage)? {
        Some(held) if root.is_named(stage, name)? => Ok(Some(held)),
        _ => Ok(None),
    }
}

fn remove(root: &Directory, name: &OsStr, stage: &Directory) -> Result<()> {
    for file in stage.names()? {
        stage.remove(OsStr::new(&file))?;
    }
    root.remove_child(name)
}

fn is_hidden(name: &str) -> bool {
    let random = name.strip_prefix(HIDDEN_PREFIX);
    random.is_some_and(|random| random.len() == 16 && random.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn hidden_name() -> Result<OsString> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Error::Io {
        action: "draw",
        path: "a random name".to_owned(),
        source: error.into(),
    })?;
    Ok(format!("{HIDDEN_PREFIX}{}", hex::encode(random)).into())
}
