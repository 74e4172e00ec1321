//! Directories that become layers, and how.

use super::argument::{self, check_flags};
use super::blob::put;
use super::blob_options::ocilayout_blob_options;
use super::descriptor::ocilayout_descriptor;
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::handle::{Guarded, free};
use super::layout::ocilayout;
use super::progress::ocilayout_progress_fn;
use crate::archive::{DirectoryOptions, OwnerMap, Owners};
use crate::layout::Source;
use crate::words::error::{Error, Result};
use std::ffi::{c_char, c_void};
use std::path::Path;

/// For ocilayout_directory_options_set_owners(): files belong to those who own
/// them here.
pub const OCILAYOUT_OWNERS_KEPT: i32 = 0;
/// For ocilayout_directory_options_set_owners(): files belong to user 0 and
/// group 0.
pub const OCILAYOUT_OWNERS_ROOT: i32 = 1;

/// For ocilayout_directory_options_set_flags(): tell the holes of sparse files as
/// holes, in the format of GNU tar (PAX, 1.0). Without this they are written as
/// zeros, as image-spec, layer.md asks, since not every tool reads them.
pub const OCILAYOUT_DIRECTORY_SPARSE: u64 = 1u64 << 0;

/// How a directory becomes a layer.
pub struct ocilayout_directory_options(Guarded<Said>);

/// What was said, in the words of C: a map of owners is said piece by piece.
#[derive(Clone, Default)]
struct Said {
    options: DirectoryOptions,
    map: OwnerMap,
}

impl Said {
    fn mapped(mut self, map: OwnerMap) -> Self {
        self.options = self.options.owners(Owners::Mapped(map.clone()));
        self.map = map;
        self
    }
}

/// The options behind a pointer; the default ones for NULL.
///
/// # Safety
/// `options` is NULL or a live object.
unsafe fn taken(options: *const ocilayout_directory_options) -> Result<DirectoryOptions> {
    if options.is_null() {
        return Ok(DirectoryOptions::new());
    }
    // SAFETY: by the contract of this function.
    let options = unsafe { argument::object(options, "directory_options") }?;
    Ok(options.0.read("directory_options")?.options.clone())
}

/// A directory as a source.
///
/// # Safety
/// The pointers are NULL or as the header asks.
pub(super) unsafe fn directory(
    path: *const c_char,
    options: *const ocilayout_directory_options,
) -> Result<Source<'static>> {
    // SAFETY: by the contract of this function.
    let (path, options) = unsafe { (argument::path(path, "path")?.to_owned(), taken(options)?) };
    Ok(Source::Directory { path, options })
}

/// The difference of two directories as a source.
///
/// # Safety
/// The pointers are NULL or as the header asks.
pub(super) unsafe fn difference(
    lower: *const c_char,
    upper: *const c_char,
    options: *const ocilayout_directory_options,
) -> Result<Source<'static>> {
    // SAFETY: by the contract of this function.
    let path = |path, parameter| unsafe { argument::path(path, parameter) }.map(Path::to_owned);
    let (lower, upper) = (path(lower, "lower")?, path(upper, "upper")?);
    // SAFETY: likewise.
    let options = unsafe { taken(options) }?;
    Ok(Source::Difference { lower, upper, options })
}

/// Changes the options, or leaves them as they are.
///
/// # Safety
/// `options` is NULL or a live object; `err` is NULL or valid for one write.
unsafe fn change(
    options: *mut ocilayout_directory_options,
    err: *mut *mut ocilayout_error,
    change: impl FnOnce(Said) -> Result<Said>,
) -> ocilayout_status {
    let body = || {
        // SAFETY: by the contract of this function.
        let options = unsafe { argument::object(options, "options") }?;
        let mut said = options.0.write("options")?;
        *said = change(said.clone())?;
        Ok(())
    };
    // SAFETY: by the contract of this function.
    unsafe { guard(err, body) }
}

/// The same for what the core knows.
///
/// # Safety
/// As for [`change`].
unsafe fn change_options(
    options: *mut ocilayout_directory_options,
    err: *mut *mut ocilayout_error,
    change: impl FnOnce(DirectoryOptions) -> Result<DirectoryOptions>,
) -> ocilayout_status {
    // SAFETY: by the contract of this function.
    unsafe {
        self::change(options, err, |said| {
            Ok(Said { options: change(said.options)?, map: said.map })
        })
    }
}

/// Makes the default options: everything is told as it stands there, all files but
/// sockets, with their modes, owners, times in whole seconds and extended
/// attributes, holes as zeros. Names of users and groups are never written, since
/// they mean something else on another machine.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_new(
    out: *mut *mut ocilayout_directory_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { create(out, err, || Ok(ocilayout_directory_options(Guarded::new(Said::default())))) }
}

/// Says the latest time of modification that is told, in seconds since 1970: later
/// ones become it, so that a tree that was just made is told as it was before.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_set_clamp(
    options: *mut ocilayout_directory_options,
    seconds: i64,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change_options(options, err, |options| Ok(options.clamp(seconds))) }
}

/// As ocilayout_directory_options_set_clamp(), with the time that the environment
/// variable SOURCE_DATE_EPOCH says now. Nothing changes if it is not set. No other
/// thread may change the environment meanwhile.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is no whole number of seconds.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_set_source_date_epoch(
    options: *mut ocilayout_directory_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change_options(options, err, DirectoryOptions::source_date_epoch) }
}

/// Says whose the files are: an OCILAYOUT_OWNERS_ value. What was mapped before is
/// forgotten. Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is another.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_set_owners(
    options: *mut ocilayout_directory_options,
    owners: i32,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(options, err, |said| {
            let owners = match owners {
                OCILAYOUT_OWNERS_KEPT => Owners::Kept,
                OCILAYOUT_OWNERS_ROOT => Owners::Root,
                unknown => {
                    let expected = "one of the OCILAYOUT_OWNERS_ values";
                    return Err(Error::invalid("owners", expected, &unknown.to_string()));
                }
            };
            Ok(Said { options: said.options.owners(owners), map: OwnerMap::new() })
        })
    }
}

/// Maps length users from from on to those from to on, as for a user namespace.
/// Call it for each range. A file whose user or group is in none is then refused:
/// groups have ranges of their own, ocilayout_directory_options_map_groups().
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the range is empty, ends after
/// 4294967295, or has users of an earlier one.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_map_users(
    options: *mut ocilayout_directory_options,
    from: u32,
    to: u32,
    length: u32,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(options, err, |said| {
            let map = said.map.clone().users(from, to, length)?;
            Ok(said.mapped(map))
        })
    }
}

/// The same for groups.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_map_groups(
    options: *mut ocilayout_directory_options,
    from: u32,
    to: u32,
    length: u32,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(options, err, |said| {
            let map = said.map.clone().groups(from, to, length)?;
            Ok(said.mapped(map))
        })
    }
}

/// Leaves out what matches, and a directory with all that is in it.
///
/// A pattern is matched against the path below the directory, such as usr/lib/x: in
/// it * and ? stop at a slash, ** does not, {a,b} and [a-z] choose, a backslash
/// takes what follows as it is. Of several patterns that match, the last decides, whether
/// it excludes or includes; what none matches is told. What is in a directory that
/// is left out is not looked at, so including it does not bring it back. A
/// difference takes what is left out for absent on both sides.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the pattern is malformed, empty,
/// has more than ten pairs of braces, or begins or ends with a slash.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_exclude(
    options: *mut ocilayout_directory_options,
    pattern: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change_options(options, err, |options| options.exclude(argument::text(pattern, "pattern")?))
    }
}

/// Tells what matches although an earlier ocilayout_directory_options_exclude()
/// leaves it out. Otherwise as that.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_include(
    options: *mut ocilayout_directory_options,
    pattern: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change_options(options, err, |options| options.include(argument::text(pattern, "pattern")?))
    }
}

/// Sets OCILAYOUT_DIRECTORY_ flags; each that is not named keeps its setting.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_set_flags(
    options: *mut ocilayout_directory_options,
    flags: u64,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change_options(options, err, |options| {
            check_flags(flags, OCILAYOUT_DIRECTORY_SPARSE)?;
            Ok(if flags & OCILAYOUT_DIRECTORY_SPARSE != 0 { options.sparse() } else { options })
        })
    }
}

/// Frees the options. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_directory_options_free(
    options: *mut ocilayout_directory_options,
) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(options) };
}

/// Stores the directory path as a layer, a tar of all that is in it, and says what
/// points at it. Both options may be NULL for the default ones.
///
/// Unless blob_options say otherwise the media type is that of a layer, and the
/// diff ID is known. The bytes depend on the tree and the options alone: entries
/// are sorted by the bytes of their paths, in POSIX format (PAX), and tell no more
/// than the options ask for. A process without privileges sees no attributes of the
/// kind trusted. The first entry is the directory itself, so mode and owner of the
/// root of the image are those of path. Symbolic links are not followed but on the
/// way to path; other file systems that are mounted below are told with the rest.
/// Of extended attributes user., trusted., security.capability and access lists are
/// told; labels of security modules belong to the machine. Sockets are left out.
///
/// Fails with OCILAYOUT_ERR_NOT_FOUND when there is no directory, OCILAYOUT_ERR_IO when
/// something in it cannot be read, OCILAYOUT_ERR_CONFLICT when something changes while it
/// is read, OCILAYOUT_ERR_UNSUPPORTED when a layer cannot tell it: a name that begins with
/// .wh., an owner that is not mapped, an access list with users or groups while owners are
/// changed, an attribute whose name is not UTF-8 or has an equals sign, those of links and
/// devices where /proc is not mounted. Each names the file, and nothing is left of the
/// blob. Otherwise as ocilayout_blob_put_callback(). image-spec, layer.md.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_put_directory(
    layout: *const ocilayout,
    path: *const c_char,
    directory_options: *const ocilayout_directory_options,
    blob_options: *const ocilayout_blob_options,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    let source = || unsafe { directory(path, directory_options) };
    // SAFETY: likewise.
    unsafe { put(layout, source, blob_options, (progress, progress_userdata), out, err) }
}

/// Stores as a layer what makes the directory upper of the directory lower, and
/// says what points at it: what was added or changed, in full, and a whiteout for
/// what is gone.
///
/// What is the same is told by content, not by times. A file is changed as well if
/// its mode, owner, time, attributes or links are others; the directories above a
/// change are always told. Otherwise as ocilayout_blob_put_directory(), for both
/// directories. image-spec, layer.md, Representing Changes.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_put_difference(
    layout: *const ocilayout,
    lower: *const c_char,
    upper: *const c_char,
    directory_options: *const ocilayout_directory_options,
    blob_options: *const ocilayout_blob_options,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    let source = || unsafe { difference(lower, upper, directory_options) };
    // SAFETY: likewise.
    unsafe { put(layout, source, blob_options, (progress, progress_userdata), out, err) }
}
