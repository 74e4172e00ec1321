//! The files beside `blobs/`, each read and written as a whole.

use super::blobs::Store;
use super::directory::{Directory, Links, io_error};
use super::durability::Durability;
use super::lock::Lock;
use super::temp::{HIDDEN_PREFIX, TempFile};
use crate::words::error::{Error, Result};
use crate::words::json::DOCUMENT_LIMIT;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::sync::Arc;

/// The directory of the blobs.
pub(super) const BLOBS: &str = "blobs";

/// Reads a file; `None` if there is nothing.
pub(crate) fn read(root: &Directory, name: &str) -> Result<Option<Vec<u8>>> {
    let name = OsStr::new(name);
    let Some((file, size)) = root.open_file(name, Links::Refused)? else { return Ok(None) };
    let too_large =
        || Error::Limit { what: root.path_of(name).display().to_string(), limit: DOCUMENT_LIMIT };
    if size > DOCUMENT_LIMIT {
        return Err(too_large());
    }
    let mut content = Vec::new();
    // One byte more, to see a file that grows while it is read.
    file.take(DOCUMENT_LIMIT + 1)
        .read_to_end(&mut content)
        .map_err(|error| io_error("read", &root.path_of(name), error))?;
    if content.len() as u64 > DOCUMENT_LIMIT {
        return Err(too_large());
    }
    Ok(Some(content))
}

/// Puts a file in the place of what had its name, in one step. It is complete on
/// the disk before it has its name; that this has become its name is sure only
/// where everything is to survive.
pub(crate) fn replace(root: &Arc<Directory>, name: &str, content: &[u8]) -> Result<()> {
    let name = OsStr::new(name);
    written(root, name, content)?.replace(root, name)?;
    match root.durability() {
        Durability::Full => root.sync(),
        Durability::Ordered | Durability::None => Ok(()),
    }
}

/// Makes a file, unless there is one of that name. Says whether it did.
pub(crate) fn create(root: &Arc<Directory>, name: &str, content: &[u8]) -> Result<bool> {
    let name = OsStr::new(name);
    let published = written(root, name, content)?.publish(root, name)?;
    root.sync()?;
    Ok(published)
}

fn written(root: &Arc<Directory>, name: &OsStr, content: &[u8]) -> Result<TempFile> {
    let mut temp = TempFile::new(root, root)?;
    temp.file()
        .write_all(content)
        .and_then(|()| temp.sync())
        .map_err(|error| io_error("write", &root.path_of(name), error))?;
    Ok(temp)
}

/// Does something while no other writer of the layout edits its files.
pub(crate) fn locked<T>(store: &Store, edit: impl FnOnce() -> Result<T>) -> Result<T> {
    let _lock = Lock::exclusive(store.root(), store.patience())?;
    store.sweep_once()?;
    edit()
}

/// Checks that a name is that of one file in the root, and not a reserved one.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let reserved = name.is_empty() || matches!(name, "." | ".." | BLOBS);
    if reserved || name.contains(['/', '\0']) || name.starts_with(HIDDEN_PREFIX) {
        let expected = "the name of a file beside blobs, without a slash";
        return Err(Error::invalid("file name", expected, name));
    }
    Ok(())
}
