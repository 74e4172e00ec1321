//! Verifying a layout, and what is found.

use super::argument::{self, check_flags};
use super::descriptor::c_text;
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::create;
use super::handle::free;
use super::layout::{self, ocilayout};
use super::progress::{ocilayout_progress_fn, watched};
use crate::layout::Missing;
use crate::upkeep::{Finding, FindingKind, VerifyOptions};
use crate::words::error::Result;
use crate::words::memory;
use std::ffi::{CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

/// For ocilayout_verify(): hash manifests, indexes and image configs alone. Of
/// other blobs only the size is looked at, which takes no time.
pub const OCILAYOUT_VERIFY_QUICK: u64 = 1u64 << 0;
/// For ocilayout_verify(): blobs may be missing, as in a sparse layout.
pub const OCILAYOUT_VERIFY_MISSING_ALLOWED: u64 = 1u64 << 1;

/// A kind of finding: a blob that something points at is not there, or one of
/// the files that every layout has.
pub const OCILAYOUT_FINDING_MISSING: i32 = 1;
/// A kind of finding: something other than a regular file stands there, or the
/// system refuses to read it.
pub const OCILAYOUT_FINDING_UNREADABLE: i32 = 2;
/// A kind of finding: the blob is not as long as what points at it says.
pub const OCILAYOUT_FINDING_SIZE: i32 = 3;
/// A kind of finding: the content of the blob is not that of its digest.
pub const OCILAYOUT_FINDING_DIGEST: i32 = 4;
/// A kind of finding: the document breaks the image-spec, is over 64 MiB, or is
/// an index that nests more than 32 deep.
pub const OCILAYOUT_FINDING_MALFORMED: i32 = 5;
/// A kind of finding: two places say of the blob what cannot both be so. What
/// points at it gives different sizes, or calls a document different things; a
/// document says that it is something else; embedded data are not the content;
/// an image config has diff IDs for another number of layers.
pub const OCILAYOUT_FINDING_CONTRADICTORY: i32 = 6;
/// A kind of finding: something under blobs that has no digest as its name, or
/// what a writer that was killed left in the root of the layout.
pub const OCILAYOUT_FINDING_LEFTOVER: i32 = 7;

/// What a verification found, sorted by path. It never changes, so any number of
/// threads may look at it.
pub struct ocilayout_findings(Vec<ocilayout_finding>);

/// One thing that is wrong with a layout.
pub struct ocilayout_finding {
    kind: i32,
    path: CString,
    digest: Option<CString>,
    referenced_from: Vec<CString>,
    message: CString,
}

impl ocilayout_finding {
    fn new(finding: &Finding) -> Result<Self> {
        Ok(Self {
            kind: number(finding.kind()),
            path: CString::new(finding.path().as_os_str().as_bytes()).unwrap_or_default(),
            digest: finding.digest().map(|digest| c_text(digest.as_str())).transpose()?,
            referenced_from: memory::try_list(finding.referenced_from().map(c_text))?,
            message: c_text(&memory::written(finding)?)?,
        })
    }
}

fn number(kind: FindingKind) -> i32 {
    match kind {
        FindingKind::Missing => OCILAYOUT_FINDING_MISSING,
        FindingKind::Unreadable => OCILAYOUT_FINDING_UNREADABLE,
        FindingKind::Size => OCILAYOUT_FINDING_SIZE,
        FindingKind::Digest => OCILAYOUT_FINDING_DIGEST,
        FindingKind::Malformed => OCILAYOUT_FINDING_MALFORMED,
        FindingKind::Contradictory => OCILAYOUT_FINDING_CONTRADICTORY,
        FindingKind::Leftover => OCILAYOUT_FINDING_LEFTOVER,
    }
}

/// Verifies all that is in a layout: oci-layout and index.json, each document
/// from there on through nested indexes, and each blob, whether anything points
/// at it or not. What is wrong with the layout is no error but a finding; a
/// sound layout has none. flags are OCILAYOUT_VERIFY_ values or 0.
///
/// Every blob is hashed once, on all cores or as ocilayout_set_threads() says; the
/// threads that do so end with the call, and with 1 there are none. Blobs whose
/// digest is neither sha256 nor sha512 must only be there and of the right size. A
/// subject may be absent, and what an unknown media type stands for is not looked
/// into. Other files beside blobs are left alone.
///
/// It writes nothing and waits for nobody, and others may edit the layout
/// meanwhile: what they replace or remove is not found missing. Only a tool that
/// writes files in place can be caught half-way. Of a transaction, the entries
/// that it sees are verified.
///
/// progress, which gets progress_userdata, may be NULL. It is told of the blobs that
/// were looked at, and of the bytes of them that were hashed; how many there are is
/// known when all documents have been read. What is looked at again, since others edit
/// the layout, counts again. If it leaves by longjmp() or the like, the threads of the
/// call end when all is verified.
///
/// Fails with OCILAYOUT_ERR_CANCELLED when progress stops it, with
/// OCILAYOUT_ERR_IO when the system does not let it look at the directories, never
/// with OCILAYOUT_ERR_FORMAT or OCILAYOUT_ERR_LIMIT.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_verify(
    layout: *const ocilayout,
    flags: u64,
    progress: ocilayout_progress_fn,
    progress_userdata: *mut c_void,
    out: *mut *mut ocilayout_findings,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let options = options(flags)?;
            let progress = (progress, progress_userdata);
            let findings = watched(progress, |watch| layout.verify_watched(&options, watch))?;
            memory::try_list(findings.iter().map(ocilayout_finding::new)).map(ocilayout_findings)
        })
    }
}

fn options(flags: u64) -> Result<VerifyOptions> {
    check_flags(flags, OCILAYOUT_VERIFY_QUICK | OCILAYOUT_VERIFY_MISSING_ALLOWED)?;
    let mut options = VerifyOptions::new();
    if flags & OCILAYOUT_VERIFY_QUICK != 0 {
        options = options.quick();
    }
    if flags & OCILAYOUT_VERIFY_MISSING_ALLOWED != 0 {
        options = options.missing(Missing::Allowed);
    }
    Ok(options)
}

/// Says how many findings there are; none is a sound layout. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_findings_count(findings: *const ocilayout_findings) -> usize {
    // SAFETY: NULL or a live list, as the header asks.
    unsafe { argument::object(findings, "findings") }.map_or(0, |findings| findings.0.len())
}

/// Says the finding at a position; NULL past the last. It belongs to the list: do
/// not free it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_findings_at(
    findings: *const ocilayout_findings,
    position: usize,
) -> *const ocilayout_finding {
    // SAFETY: NULL or a live list, as the header asks.
    let findings = unsafe { argument::object(findings, "findings") };
    let found = findings.ok().and_then(|findings| findings.0.get(position));
    found.map_or(ptr::null(), ptr::from_ref)
}

/// Frees a list with its findings. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_findings_free(findings: *mut ocilayout_findings) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(findings) };
}

/// Says of which kind a finding is: an OCILAYOUT_FINDING_ value. Kinds are only
/// ever added. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_finding_kind(finding: *const ocilayout_finding) -> i32 {
    // SAFETY: NULL or a live finding, as the header asks.
    unsafe { argument::object(finding, "finding") }.map_or(0, |finding| finding.kind)
}

/// Says what it was found on: a path from the root of the layout on, such as
/// index.json or blobs/sha256/ and 64 digits. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_finding_path(
    finding: *const ocilayout_finding,
) -> *const c_char {
    // SAFETY: NULL or a live finding, as the header asks.
    let finding = unsafe { argument::object(finding, "finding") };
    finding.map_or(ptr::null(), |finding| finding.path.as_ptr())
}

/// Says the digest by which the blob is named, if it was found on a blob; else
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_finding_digest(
    finding: *const ocilayout_finding,
) -> *const c_char {
    // SAFETY: NULL or a live finding, as the header asks.
    let finding = unsafe { argument::object(finding, "finding") };
    let digest = finding.ok().and_then(|finding| finding.digest.as_ref());
    digest.map_or(ptr::null(), |digest| digest.as_ptr())
}

/// Says what was expected and what was found, in one line in UTF-8 for a person,
/// with the whole path. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_finding_message(
    finding: *const ocilayout_finding,
) -> *const c_char {
    // SAFETY: NULL or a live finding, as the header asks.
    let finding = unsafe { argument::object(finding, "finding") };
    finding.map_or(ptr::null(), |finding| finding.message.as_ptr())
}

/// Says how many places point at the blob; 0 if none does, as for a file that is
/// no blob.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_finding_referenced_count(
    finding: *const ocilayout_finding,
) -> usize {
    // SAFETY: NULL or a live finding, as the header asks.
    let finding = unsafe { argument::object(finding, "finding") };
    finding.map_or(0, |finding| finding.referenced_from.len())
}

/// Says the place at a position, of those that point at the blob: the digest of a
/// document, or "index.json". They are sorted. NULL past the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_finding_referenced_at(
    finding: *const ocilayout_finding,
    position: usize,
) -> *const c_char {
    // SAFETY: NULL or a live finding, as the header asks.
    let finding = unsafe { argument::object(finding, "finding") };
    let place = finding.ok().and_then(|finding| finding.referenced_from.get(position));
    place.map_or(ptr::null(), |place| place.as_ptr())
}
