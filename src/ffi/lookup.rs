//! Finding entries, children and images.

use super::argument;
use super::callback::ocilayout_match_fn;
use super::descriptor::{self, ocilayout_descriptor};
use super::descriptors::ocilayout_descriptors;
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::create;
use super::layout::{self, ocilayout};
use super::matching::{self, ocilayout_match};
use crate::words::platform::Platform;
use std::ffi::{c_char, c_void};

/// Lists the entries of index.json that are meant, in order: those that match
/// and filter both mean. Either may be NULL, and both for all entries. filter,
/// which gets userdata, is asked about what match means.
///
/// It waits for no writer and sees each edit whole. Fails with
/// OCILAYOUT_ERR_FORMAT when index.json is not an image index,
/// OCILAYOUT_ERR_CALLBACK when filter stops it.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_list(
    layout: *const ocilayout,
    r#match: *const ocilayout_match,
    filter: ocilayout_match_fn,
    userdata: *mut c_void,
    out: *mut *mut ocilayout_descriptors,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let list = layout.list(&matching::both(r#match, filter, userdata))?;
            ocilayout_descriptors::new(list)
        })
    }
}

/// Lists what the document that descriptor points at points at itself, in
/// order: the manifests of an image index, the config and then the layers of an
/// image manifest. The list is empty for any other blob.
///
/// Fails as ocilayout_blob_read() does, and with OCILAYOUT_ERR_FORMAT when the
/// document is malformed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_children(
    layout: *const ocilayout,
    descriptor: *const ocilayout_descriptor,
    out: *mut *mut ocilayout_descriptors,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let children = layout.children(&descriptor::taken(descriptor, "descriptor")?)?;
            ocilayout_descriptors::new(children)
        })
    }
}

/// Finds the entry of this reference. If platform is not NULL, finds the first
/// image for it among the entries of this reference and, through nested
/// indexes, their children; image-index.md has clients take the first that
/// matches.
///
/// platform is os/architecture[/variant][:os.version] or the JSON object of the
/// image-spec; parts that it does not give are not asked for. An image whose
/// descriptor tells no platform is asked for its config.
///
/// Without a platform it is the first entry of this reference, whatever it
/// points at. Documents that are not there, or whose digest is neither sha256
/// nor sha512, are passed over. Fails with OCILAYOUT_ERR_NOT_FOUND when there
/// is none, OCILAYOUT_ERR_DIGEST when a document on the way is not what its
/// descriptor says, OCILAYOUT_ERR_FORMAT when indexes nest more than 32 deep.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_resolve(
    layout: *const ocilayout,
    reference: *const c_char,
    platform: *const c_char,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let reference = argument::text(reference, "reference")?;
            let platform = argument::optional::<Platform>(platform, "platform")?;
            Ok(ocilayout_descriptor::new(layout.resolve(reference, platform.as_ref())?))
        })
    }
}
