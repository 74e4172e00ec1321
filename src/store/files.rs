//! The files beside `blobs/`, each read and written as a whole.

use super::blobs::Store;
use super::directory::{Directory, Links, io_error};
use super::durability::Durability;
use super::lock::Lock;
use super::stage::HIDDEN_PREFIX;
use super::temp::TempFile;
use super::version::Version;
use crate::words::error::{Error, Result};
use crate::words::json::DOCUMENT_LIMIT;
use crate::words::memory;
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;

/// How much is read or written at once, in bytes, where it comes in parts.
const PIECE: usize = 64 << 10;

/// The directory of the blobs.
pub(super) const BLOBS: &str = "blobs";

/// The file that BuildKit, and others after it, lock to edit `index.json`. They
/// make it for each edit and take it away afterwards.
const LOCK_OF_OTHERS: &str = "index.json.lock";

/// Reads a file; `None` if there is nothing.
pub(crate) fn read(root: &Directory, name: &str) -> Result<Option<Vec<u8>>> {
    read_version(root, name, &Version::of(root, name)?)
}

/// Reads the file that was seen; `None` if there was nothing.
pub(crate) fn read_version(
    root: &Directory,
    name: &str,
    seen: &Version,
) -> Result<Option<Vec<u8>>> {
    let Some((file, state)) = seen.file() else { return Ok(None) };
    let path = root.path_of(OsStr::new(name));
    let too_large = || Error::Limit { what: path.display().to_string(), limit: DOCUMENT_LIMIT };
    if state.size() > DOCUMENT_LIMIT {
        return Err(too_large());
    }
    // One byte more, to see a file that grows while it is read, and its end.
    let mut content = memory::room(usize::try_from(state.size() + 1).unwrap_or_default())?;
    file.take(DOCUMENT_LIMIT + 1)
        .read_to_end(&mut content)
        .map_err(|error| io_error("read", &path, error))?;
    if content.len() as u64 > DOCUMENT_LIMIT {
        return Err(too_large());
    }
    Ok(Some(content))
}

/// Whether the file that was seen holds these parts and nothing else.
pub(crate) fn holds(root: &Directory, name: &str, seen: &Version, parts: &[&str]) -> Result<bool> {
    let Some((file, state)) = seen.file() else { return Ok(false) };
    let mut buffer = memory::bytes(PIECE)?;
    let mut offset = 0;
    for piece in parts.iter().flat_map(|part| part.as_bytes().chunks(PIECE)) {
        let Some(found) = buffer.get_mut(..piece.len()) else { return Ok(false) };
        match file.read_exact_at(found, offset) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            read => {
                read.map_err(|error| io_error("read", &root.path_of(OsStr::new(name)), error))?
            }
        }
        if found != piece {
            return Ok(false);
        }
        offset += piece.len() as u64;
    }
    Ok(offset == state.size())
}

/// Puts a file in the place of what had its name, in one step. It is complete on
/// the disk before it has its name; that this has become its name is sure only
/// where everything is to survive.
pub(crate) fn replace(store: &Store, name: &str, content: &[u8]) -> Result<()> {
    let file = written(store, OsStr::new(name), &[content])?;
    file.replace(store, store.root(), OsStr::new(name))?;
    sync_replaced(store.root(), name)
}

/// The same, unless the file is not the one any more that was read. Says whether
/// it was.
pub(crate) fn replace_version(
    store: &Store,
    name: &str,
    read: &Version,
    content: &[&str],
) -> Result<bool> {
    let root = store.root();
    let file = written(store, OsStr::new(name), content)?;
    if Version::of(root, name)? != *read {
        return Ok(false);
    }
    file.replace(store, root, OsStr::new(name))?;
    sync_replaced(root, name)?;
    Ok(true)
}

/// Waits until a file that somebody wrote is on the disk, under its name.
pub(crate) fn sync(root: &Directory, name: &str) -> Result<()> {
    let name = OsStr::new(name);
    if root.durability() != Durability::None
        && let Some((file, _)) = root.open_file(name, Links::Refused)?
    {
        file.sync_data().map_err(|error| io_error("sync", &root.path_of(name), error))?;
        root.sync()?;
    }
    Ok(())
}

/// Waits until the name of a replaced file is on the disk, if all is to survive.
fn sync_replaced(root: &Directory, name: &str) -> Result<()> {
    if root.durability() == Durability::Full { sync_change(root, name) } else { Ok(()) }
}

/// Waits until a change of a name, which everybody sees, is on the disk.
pub(crate) fn sync_change(root: &Directory, name: &str) -> Result<()> {
    root.sync().map_err(|error| match error {
        Error::Io { source, .. } => {
            Error::NotDurable { path: root.path_of(OsStr::new(name)).display().to_string(), source }
        }
        error => error,
    })
}

/// Makes a file, unless there is one of that name. Says whether it did. Its name is
/// not yet on the disk.
pub(crate) fn create(store: &Store, name: &str, content: &[u8]) -> Result<bool> {
    let name = OsStr::new(name);
    written(store, name, &[content])?.publish(store.root(), name)
}

fn written(store: &Store, name: &OsStr, parts: &[impl AsRef<[u8]>]) -> Result<TempFile> {
    let root = store.root();
    let mut temp = TempFile::new(store, root)?;
    let failed = |error| io_error("write", &root.path_of(name), error);
    let mut gathered = memory::room(PIECE)?;
    for part in parts.iter().map(AsRef::as_ref) {
        if gathered.len() + part.len() > PIECE {
            temp.write(&gathered).map_err(failed)?;
            gathered.clear();
        }
        if part.len() > PIECE {
            temp.write(part).map_err(failed)?;
        } else {
            gathered.extend_from_slice(part);
        }
    }
    temp.write(&gathered).map_err(failed)?;
    temp.check_written()?;
    temp.sync().map_err(failed)?;
    Ok(temp)
}

/// Does something while no other writer of the layout edits its files.
pub(crate) fn locked<T>(store: &Store, edit: impl FnOnce() -> Result<T>) -> Result<T> {
    let (root, patience) = (store.root(), store.patience());
    let _ours = Lock::exclusive(root, &patience)?;
    root.check_exists()?;
    let _theirs = Lock::on_file(root, OsStr::new(LOCK_OF_OTHERS), &patience)?;
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
