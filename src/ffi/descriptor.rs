//! Descriptors.

use super::argument;
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::handle::{Guarded, free};
use crate::words::descriptor::Descriptor;
use crate::words::error::{Error, Result};
use crate::words::memory;
use crate::words::reference::check_reference;
use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::OnceLock;

/// A descriptor: what points at a blob, by its media type, digest and size, and
/// what else is said of it. image-spec, descriptor.md.
///
/// Members that the library does not know are kept. Changing a descriptor
/// changes nothing in a layout.
pub struct ocilayout_descriptor(Guarded<Spoken>);

/// A descriptor, and its parts as C reads them, made when they are asked for.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) descriptor: Descriptor,
    media_type: OnceLock<CString>,
    digest: OnceLock<CString>,
    diff_id: OnceLock<CString>,
    reference: OnceLock<CString>,
    platform: OnceLock<CString>,
    artifact_type: OnceLock<CString>,
    json: OnceLock<CString>,
    annotations: OnceLock<Vec<(CString, CString)>>,
    urls: OnceLock<Vec<CString>>,
}

impl Spoken {
    fn new(descriptor: Descriptor) -> Self {
        Self {
            descriptor,
            media_type: OnceLock::new(),
            digest: OnceLock::new(),
            diff_id: OnceLock::new(),
            reference: OnceLock::new(),
            platform: OnceLock::new(),
            artifact_type: OnceLock::new(),
            json: OnceLock::new(),
            annotations: OnceLock::new(),
            urls: OnceLock::new(),
        }
    }

    fn annotations(&self) -> Option<&[(CString, CString)]> {
        let made = made_once(&self.annotations, || {
            let annotations = self.descriptor.annotations();
            memory::try_list(annotations.map(|(key, value)| Ok((c_text(key)?, c_text(value)?))))
        });
        made.map(Vec::as_slice)
    }

    fn annotation(&self, key: &str) -> Option<&CStr> {
        let position = self.descriptor.annotations().position(|(known, _)| known == key)?;
        self.annotations()?.get(position).map(|(_, value)| value.as_c_str())
    }

    fn urls(&self) -> Option<&[CString]> {
        let made = made_once(&self.urls, || memory::try_list(self.descriptor.urls().map(c_text)));
        made.map(Vec::as_slice)
    }
}

/// Text for C, which cannot say NUL.
pub(super) fn c_text(text: &str) -> Result<CString> {
    const INSTEAD: &[u8] = "\u{fffd}".as_bytes();
    let longer = text.matches('\0').count() * (INSTEAD.len() - 1);
    let mut bytes = memory::room(text.len() + longer + 1)?;
    for (nth, part) in text.split('\0').enumerate() {
        bytes.extend_from_slice(if nth > 0 { INSTEAD } else { &[] });
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes.push(0);
    CString::from_vec_with_nul(bytes).map_err(|error| Error::Internal(error.to_string()))
}

/// What is made once; `None` where there is too little memory for it.
fn made_once<T>(made: &OnceLock<T>, make: impl FnOnce() -> Result<T>) -> Option<&T> {
    match made.get() {
        Some(made) => Some(made),
        None => {
            let new = make().ok()?;
            Some(made.get_or_init(|| new))
        }
    }
}

impl ocilayout_descriptor {
    pub(super) fn new(descriptor: Descriptor) -> Self {
        Self(Guarded::new(Spoken::new(descriptor)))
    }
}

/// A copy of the descriptor behind a pointer.
///
/// # Safety
/// `descriptor` is NULL or a live descriptor.
pub(super) unsafe fn taken(
    descriptor: *const ocilayout_descriptor,
    parameter: &'static str,
) -> Result<Descriptor> {
    // SAFETY: by the contract of this function.
    let descriptor = unsafe { argument::object(descriptor, parameter) }?;
    Ok(descriptor.0.read(parameter)?.descriptor.clone())
}

/// Looks at a descriptor; `otherwise` if there is nothing to be seen.
///
/// # Safety
/// `descriptor` is NULL or a live descriptor.
unsafe fn look<T>(
    descriptor: *const ocilayout_descriptor,
    otherwise: T,
    look: impl FnOnce(&Spoken) -> Option<T>,
) -> T {
    // SAFETY: by the contract of this function.
    let descriptor = unsafe { argument::object(descriptor, "descriptor") };
    let seen =
        catch_unwind(AssertUnwindSafe(|| look(&*descriptor.ok()?.0.read("descriptor").ok()?)));
    seen.ok().flatten().unwrap_or(otherwise)
}

/// The text that a descriptor has in one of its parts, made once.
///
/// # Safety
/// `descriptor` is NULL or a live descriptor.
unsafe fn text(
    descriptor: *const ocilayout_descriptor,
    part: impl FnOnce(&Spoken) -> (&OnceLock<CString>, Option<Cow<'_, str>>),
) -> *const c_char {
    let made = |spoken: &Spoken| {
        let (made, text) = part(spoken);
        let text = text?;
        made_once(made, || c_text(&text)).map(|made| made.as_ptr())
    };
    // SAFETY: by the contract of this function.
    unsafe { look(descriptor, ptr::null(), made) }
}

/// Changes a descriptor, all of it or nothing.
///
/// # Safety
/// `descriptor` is NULL or a live descriptor; `err` is NULL or valid for one
/// write.
unsafe fn change(
    descriptor: *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
    change: impl FnOnce(&mut Descriptor) -> Result<()>,
) -> ocilayout_status {
    let body = || {
        // SAFETY: by the contract of this function.
        let object = unsafe { argument::object(descriptor, "descriptor") }?;
        let mut spoken = object.0.write("descriptor")?;
        let mut changed = spoken.descriptor.clone();
        change(&mut changed)?;
        *spoken = Spoken::new(changed);
        Ok(())
    };
    // SAFETY: by the contract of this function.
    unsafe { guard(err, body) }
}

/// Makes a descriptor of these three properties.
///
/// media_type is of the form type/subtype (RFC 6838); digest is of the form
/// algorithm:encoded, of any algorithm; size is in bytes, at most 2^63 - 1.
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when one is malformed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_new(
    media_type: *const c_char,
    digest: *const c_char,
    size: u64,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let media_type = argument::parsed(media_type, "media_type")?;
            let digest = argument::parsed(digest, "digest")?;
            Ok(ocilayout_descriptor::new(Descriptor::new(&media_type, &digest, size)?))
        })
    }
}

/// Reads a descriptor from len bytes of JSON, which are kept as they stand but
/// for white space around them.
///
/// Setting a part of a descriptor that has one of its members twice fails with
/// OCILAYOUT_ERR_FORMAT. This fails with OCILAYOUT_ERR_FORMAT when they are not
/// a descriptor.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_from_json(
    json: *const c_char,
    len: usize,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let json = argument::array(json.cast::<u8>(), len, "json")?;
            Ok(ocilayout_descriptor::new(Descriptor::parse(json)?))
        })
    }
}

/// Checks a reference by the grammar of ocilayout_descriptor_set_reference(),
/// such as before a long call.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_reference_check(
    reference: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { guard(err, || check_reference(argument::text(reference, "reference")?)) }
}

/// Makes a copy, such as of one in a list, which cannot be changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_copy(
    descriptor: *const ocilayout_descriptor,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let copy = taken(descriptor, "descriptor")?.alone()?;
            Ok(ocilayout_descriptor::new(copy))
        })
    }
}

/// Says what the blob is. Like all texts of a descriptor, it belongs to it
/// until it is changed or freed, has U+FFFD where JSON says NUL, and is NULL
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_media_type(
    descriptor: *const ocilayout_descriptor,
) -> *const c_char {
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe {
        text(descriptor, |spoken| {
            (&spoken.media_type, Some(spoken.descriptor.media_type().as_str().into()))
        })
    }
}

/// Says the digest of the blob, algorithm:encoded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_digest(
    descriptor: *const ocilayout_descriptor,
) -> *const c_char {
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe {
        text(descriptor, |spoken| {
            (&spoken.digest, Some(spoken.descriptor.digest().as_str().into()))
        })
    }
}

/// Says the size of the blob in bytes. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_size(descriptor: *const ocilayout_descriptor) -> u64 {
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe { look(descriptor, 0, |spoken| Some(spoken.descriptor.size())) }
}

/// Says the digest of the layer's uncompressed tar, where it is known because
/// the library stored the layer; else NULL. It is no part of the JSON.
/// image-spec, config.md, "Layer DiffID".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_diff_id(
    descriptor: *const ocilayout_descriptor,
) -> *const c_char {
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe {
        text(descriptor, |spoken| {
            (&spoken.diff_id, spoken.descriptor.diff_id().map(|digest| digest.as_str().into()))
        })
    }
}

/// Says the reference of the entry: its annotation
/// org.opencontainers.image.ref.name; NULL if it has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_reference(
    descriptor: *const ocilayout_descriptor,
) -> *const c_char {
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe {
        text(descriptor, |spoken| {
            (&spoken.reference, spoken.descriptor.reference().map(Cow::Borrowed))
        })
    }
}

/// Says what the image runs on, as os/architecture[/variant][:os.version]; NULL
/// if the descriptor does not tell. Features of the operating system stand in
/// the JSON alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_platform(
    descriptor: *const ocilayout_descriptor,
) -> *const c_char {
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe {
        text(descriptor, |spoken| {
            (
                &spoken.platform,
                spoken
                    .descriptor
                    .platform()
                    .ok()
                    .flatten()
                    .and_then(|platform| memory::written(&platform).ok())
                    .map(Cow::Owned),
            )
        })
    }
}

/// Says the type of the artifact; NULL if the descriptor does not tell.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_artifact_type(
    descriptor: *const ocilayout_descriptor,
) -> *const c_char {
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe {
        text(descriptor, |spoken| {
            (
                &spoken.artifact_type,
                spoken.descriptor.artifact_type().map(|media_type| media_type.as_str().into()),
            )
        })
    }
}

/// Says the descriptor as JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_json(
    descriptor: *const ocilayout_descriptor,
) -> *const c_char {
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe { text(descriptor, |spoken| (&spoken.json, Some(spoken.descriptor.json().into()))) }
}

/// Says the value of an annotation; NULL if there is none of that key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_annotation(
    descriptor: *const ocilayout_descriptor,
    key: *const c_char,
) -> *const c_char {
    // SAFETY: NULL or as the header asks.
    unsafe {
        let key = argument::text(key, "key");
        look(descriptor, ptr::null(), |spoken| spoken.annotation(key.ok()?).map(CStr::as_ptr))
    }
}

/// Says how many annotations there are. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_annotation_count(
    descriptor: *const ocilayout_descriptor,
) -> usize {
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe { look(descriptor, 0, |spoken| Some(spoken.descriptor.annotations().len())) }
}

/// Says the key of the annotation at a position, in the order in which they are
/// written; NULL past the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_annotation_key(
    descriptor: *const ocilayout_descriptor,
    position: usize,
) -> *const c_char {
    let key = |spoken: &Spoken| spoken.annotations()?.get(position).map(|(key, _)| key.as_ptr());
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe { look(descriptor, ptr::null(), key) }
}

/// Says the value of the annotation at a position; NULL past the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_annotation_value(
    descriptor: *const ocilayout_descriptor,
    position: usize,
) -> *const c_char {
    let value =
        |spoken: &Spoken| spoken.annotations()?.get(position).map(|(_, value)| value.as_ptr());
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe { look(descriptor, ptr::null(), value) }
}

/// Says where else the blob can be had from, at a position; NULL past the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_url(
    descriptor: *const ocilayout_descriptor,
    position: usize,
) -> *const c_char {
    let url = |spoken: &Spoken| spoken.urls()?.get(position).map(|url| url.as_ptr());
    // SAFETY: NULL or a live descriptor, as the header asks.
    unsafe { look(descriptor, ptr::null(), url) }
}

/// Sets an annotation, or takes it away when value is NULL.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the key is empty.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_set_annotation(
    descriptor: *mut ocilayout_descriptor,
    key: *const c_char,
    value: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(descriptor, err, |descriptor| {
            let value = argument::optional_text(value, "value")?;
            argument::named("key", descriptor.set_annotation(argument::text(key, "key")?, value))
        })
    }
}

/// Names the entry, by the grammar of the image-spec (annotations.md): letters
/// and digits joined by single . _ : @ + / or by - or --.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it breaks it. A reference
/// outside of the grammar, as other tools write them, can be set as the
/// annotation OCILAYOUT_REF_NAME.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_set_reference(
    descriptor: *mut ocilayout_descriptor,
    reference: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(descriptor, err, |descriptor| {
            let reference = argument::text(reference, "reference")?;
            descriptor.set_reference(reference)
        })
    }
}

/// Says what the image runs on: os/architecture[/variant][:os.version], or the
/// JSON object of the image-spec, which can say features too.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_set_platform(
    descriptor: *mut ocilayout_descriptor,
    platform: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(descriptor, err, |descriptor| {
            descriptor.set_platform(&argument::parsed(platform, "platform")?)
        })
    }
}

/// Says of which type the artifact is, as a media type.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_set_artifact_type(
    descriptor: *mut ocilayout_descriptor,
    artifact_type: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(descriptor, err, |descriptor| {
            descriptor.set_artifact_type(&argument::parsed(artifact_type, "artifact_type")?)
        })
    }
}

/// Adds a place where the blob can be had from: an absolute URI (RFC 3986).
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_add_url(
    descriptor: *mut ocilayout_descriptor,
    url: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change(descriptor, err, |descriptor| descriptor.add_url(argument::text(url, "url")?)) }
}

/// Frees a descriptor. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_descriptor_free(descriptor: *mut ocilayout_descriptor) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(descriptor) };
}
