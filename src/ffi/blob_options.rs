//! How a blob is to be stored.

use super::argument::{self, check_flags};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::handle::{Guarded, free};
use crate::layer::{BlobOptions, Compression, SourceCompression};
use crate::words::error::{Error, Result};
use std::ffi::c_char;

/// How a blob is compressed on its way into the store.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ocilayout_compression(pub i32);

/// Stored as it is given.
pub const OCILAYOUT_COMPRESSION_NONE: ocilayout_compression = ocilayout_compression(0);
/// gzip, levels 0 to 9. Its members hold 1 MiB each, so that all cores can work.
/// Level 1, the default, compresses better than level 1 of others, and 6 as their 6.
pub const OCILAYOUT_COMPRESSION_GZIP: ocilayout_compression = ocilayout_compression(1);
/// zstd, levels 1 to 19.
pub const OCILAYOUT_COMPRESSION_ZSTD: ocilayout_compression = ocilayout_compression(2);

/// Of a source: gzip or zstd as its first bytes tell, or neither.
pub const OCILAYOUT_COMPRESSION_DETECT: ocilayout_compression = ocilayout_compression(3);
/// Of what is stored: no compression. A source that is compressed, as
/// ocilayout_blob_options_set_source_compression() says, is decoded.
pub const OCILAYOUT_COMPRESSION_PLAIN: ocilayout_compression = ocilayout_compression(4);

/// The usual level of each compression: 1 for gzip, 3 for zstd.
pub const OCILAYOUT_LEVEL_DEFAULT: i32 = -1;

/// For ocilayout_blob_options_set_flags(): hash a blob that is there already
/// before it is trusted, and mend it. Without this a blob of the right name and
/// size is trusted.
pub const OCILAYOUT_BLOB_REHASH: u64 = 1u64 << 0;

/// For ocilayout_blob_options_set_flags(): take the digest and the size that are expected,
/// both of them, for those of what is stored. It is not hashed, and a regular file is not
/// even read where the kernel can copy it or share its blocks; only the size is checked.
/// If the bytes are others the layout is broken, and ocilayout_verify() will say so. Not
/// with a compression.
pub const OCILAYOUT_BLOB_TRUSTED: u64 = 1u64 << 1;

/// How a blob is to be stored, and what is promised of it.
pub struct ocilayout_blob_options(Guarded<BlobOptions>);

/// The options behind a pointer; the default ones for NULL.
///
/// # Safety
/// `options` is NULL or a live object.
pub(super) unsafe fn taken(options: *const ocilayout_blob_options) -> Result<BlobOptions> {
    if options.is_null() {
        return Ok(BlobOptions::new());
    }
    // SAFETY: by the contract of this function.
    let options = unsafe { argument::object(options, "options") }?;
    Ok(options.0.read("options")?.clone())
}

/// Changes the options, or leaves them as they are.
///
/// # Safety
/// `options` is NULL or a live object; `err` is NULL or valid for one write.
unsafe fn change(
    options: *mut ocilayout_blob_options,
    err: *mut *mut ocilayout_error,
    change: impl FnOnce(BlobOptions) -> Result<BlobOptions>,
) -> ocilayout_status {
    let body = || {
        // SAFETY: by the contract of this function.
        let options = unsafe { argument::object(options, "options") }?;
        let mut options = options.0.write("options")?;
        *options = change(options.clone())?;
        Ok(())
    };
    // SAFETY: by the contract of this function.
    unsafe { guard(err, body) }
}

/// Makes the default options: the bytes are stored as they are given, named by
/// SHA-256, and nothing is expected of them.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_new(
    out: *mut *mut ocilayout_blob_options,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { create(out, err, || Ok(ocilayout_blob_options(Guarded::new(BlobOptions::new())))) }
}

/// Says what the blob is, as type/subtype (RFC 6838).
///
/// If it is not said, it is the layer type of the compression, and
/// application/octet-stream without one. Fails with
/// OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_set_media_type(
    options: *mut ocilayout_blob_options,
    media_type: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(options, err, |options| {
            Ok(options.media_type(argument::parsed(media_type, "media_type")?))
        })
    }
}

/// Compresses the blob on its way into the store. What is given is then its
/// uncompressed content, whose digest becomes the diff ID.
///
/// level is of the range of the compression, or OCILAYOUT_LEVEL_DEFAULT; it is ignored by
/// OCILAYOUT_COMPRESSION_NONE and OCILAYOUT_COMPRESSION_PLAIN. The bytes that come out
/// depend on the content and the level alone. Fails with OCILAYOUT_ERR_INVALID_ARGUMENT
/// when either is out of range; putting a blob fails so when its media type is that of a
/// layer of another compression.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_set_compression(
    options: *mut ocilayout_blob_options,
    compression: ocilayout_compression,
    level: i32,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(options, err, |options| {
            let level = (level != OCILAYOUT_LEVEL_DEFAULT).then_some(level);
            Ok(options.compression(match compression {
                OCILAYOUT_COMPRESSION_NONE => Compression::NONE,
                OCILAYOUT_COMPRESSION_PLAIN => Compression::PLAIN,
                OCILAYOUT_COMPRESSION_GZIP => Compression::gzip(level)?,
                OCILAYOUT_COMPRESSION_ZSTD => Compression::zstd(level)?,
                unknown => {
                    let expected = "an OCILAYOUT_COMPRESSION_ value of what is stored";
                    return Err(Error::invalid("compression", expected, &unknown.0.to_string()));
                }
            }))
        })
    }
}

/// Says that the source is compressed: by OCILAYOUT_COMPRESSION_GZIP,
/// OCILAYOUT_COMPRESSION_ZSTD, or as OCILAYOUT_COMPRESSION_DETECT finds. Without this, or
/// by OCILAYOUT_COMPRESSION_NONE, it is not looked at what the bytes are.
///
/// What is stored as it is given is decoded on the way to find its diff ID. What is
/// to be stored in another compression, or plain, is decoded before that. Any number of
/// gzip members or zstd frames is read; those of zstd with a window of up to 128 MiB.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT for another value. Putting a blob fails with
/// OCILAYOUT_ERR_FORMAT when its source is of another compression, damaged, or ends too
/// early.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_set_source_compression(
    options: *mut ocilayout_blob_options,
    compression: ocilayout_compression,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(options, err, |options| {
            Ok(options.source_compression(match compression {
                OCILAYOUT_COMPRESSION_NONE => SourceCompression::None,
                OCILAYOUT_COMPRESSION_GZIP => SourceCompression::Gzip,
                OCILAYOUT_COMPRESSION_ZSTD => SourceCompression::Zstd,
                OCILAYOUT_COMPRESSION_DETECT => SourceCompression::Detect,
                unknown => {
                    let expected = "an OCILAYOUT_COMPRESSION_ value of a source";
                    return Err(Error::invalid("compression", expected, &unknown.0.to_string()));
                }
            }))
        })
    }
}

/// Says by which algorithm to name the blob, if no digest is expected of it:
/// "sha256", the default, or "sha512". The diff ID is by the same.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_set_algorithm(
    options: *mut ocilayout_blob_options,
    algorithm: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(options, err, |options| {
            Ok(options.algorithm(argument::parsed(algorithm, "algorithm")?))
        })
    }
}

/// Says which digest the stored bytes must have. A blob of another is refused
/// with OCILAYOUT_ERR_DIGEST, and nothing is left of it.
///
/// If the size is expected too, such a blob is there already, and it is not to
/// be compressed here, the source is not read at all. Fails with
/// OCILAYOUT_ERR_UNSUPPORTED when the algorithm is neither sha256 nor sha512.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_set_expected_digest(
    options: *mut ocilayout_blob_options,
    digest: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(options, err, |options| {
            options.expected_digest(&argument::parsed(digest, "digest")?)
        })
    }
}

/// Says how many bytes must be stored, at most 2^63 - 1. A blob of another size
/// is refused with OCILAYOUT_ERR_DIGEST, as soon as it is too large.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_set_expected_size(
    options: *mut ocilayout_blob_options,
    size: u64,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change(options, err, |options| argument::named("size", options.expected_size(size))) }
}

/// Says how many bytes may be stored at most. A larger blob is refused with
/// OCILAYOUT_ERR_LIMIT, as soon as it is too large.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_set_limit(
    options: *mut ocilayout_blob_options,
    max_bytes: u64,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change(options, err, |options| Ok(options.limit(max_bytes))) }
}

/// Sets OCILAYOUT_BLOB_ flags; each that is not named keeps its setting.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_set_flags(
    options: *mut ocilayout_blob_options,
    flags: u64,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(options, err, |options| {
            check_flags(flags, OCILAYOUT_BLOB_REHASH | OCILAYOUT_BLOB_TRUSTED)?;
            let has = |flag| flags & flag != 0;
            let options = if has(OCILAYOUT_BLOB_REHASH) { options.rehash() } else { options };
            Ok(if has(OCILAYOUT_BLOB_TRUSTED) { options.trusted() } else { options })
        })
    }
}

/// Frees the options. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_blob_options_free(options: *mut ocilayout_blob_options) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(options) };
}
