//! Functions of the caller's, which run only during the call that they were
//! given to.
//!
//! Their types are `C-unwind`: a C++ exception that reaches our frames then ends
//! the process, where otherwise it would pass through them unseen.

use super::argument::null;
use super::descriptor::ocilayout_descriptor;
use crate::layout::{BlobSource, Matcher, Source};
use crate::words::descriptor::Descriptor;
use crate::words::error::{Error, Result};
use std::ffi::c_void;
use std::io::{self, Read};

/// Reads the next bytes of a source into buf, which has room for cap bytes, at
/// least 4096.
///
/// Returns how many bytes it stored, from 1 to cap; 0 at the end of the source;
/// or a negative number of your choosing to stop the call, which then fails
/// with OCILAYOUT_ERR_CALLBACK and tells that number by
/// ocilayout_error_callback_code(). Fewer bytes than cap are no sign of the
/// end.
pub type ocilayout_read_fn =
    Option<unsafe extern "C-unwind" fn(userdata: *mut c_void, buf: *mut c_void, cap: usize) -> i64>;

/// Reads bytes of the blob that descriptor points at, from the byte offset on,
/// into buf, which has room for cap bytes, at least 4096.
///
/// A blob is read from its start to its end, one blob after another: an offset
/// of 0 begins one, and each later offset is where the last call ended.
/// Returns as ocilayout_read_fn does. The descriptor lives during the call.
pub type ocilayout_read_blob_fn = Option<
    unsafe extern "C-unwind" fn(
        userdata: *mut c_void,
        descriptor: *const ocilayout_descriptor,
        offset: u64,
        buf: *mut c_void,
        cap: usize,
    ) -> i64,
>;

/// Says whether an entry is meant: positive for yes, 0 for no, or a negative
/// number of your choosing to stop the call, which then fails with
/// OCILAYOUT_ERR_CALLBACK. No lock is held meanwhile. The descriptor lives
/// during the call.
///
/// It may be asked more than once about equal entries, and about entries that
/// other writers add meanwhile.
pub type ocilayout_match_fn = Option<
    unsafe extern "C-unwind" fn(
        userdata: *mut c_void,
        descriptor: *const ocilayout_descriptor,
    ) -> i32,
>;

/// What a read callback returned, believed only as far as the buffer goes.
fn count(what: &str, returned: i64, cap: usize) -> io::Result<usize> {
    let problem = match usize::try_from(returned) {
        Ok(n) if n <= cap => return Ok(n),
        Ok(n) => format!("the {what} callback: expected at most {cap} bytes, found {n}"),
        Err(_) => format!("the {what} callback stopped the call with code {returned}"),
    };
    Err(Error::Callback { problem, code: returned }.into())
}

struct CallbackReader {
    read: unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, usize) -> i64,
    userdata: *mut c_void,
}

impl CallbackReader {
    fn new(read: ocilayout_read_fn, userdata: *mut c_void) -> Result<Self> {
        Ok(Self { read: read.ok_or_else(|| null("read"))?, userdata })
    }
}

impl Read for CallbackReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the header says what the function may do; `buf` has room for
        // as many bytes as it is told.
        let n = unsafe { (self.read)(self.userdata, buf.as_mut_ptr().cast(), buf.len()) };
        count("read", n, buf.len())
    }
}

// SAFETY: a callback of one source is never called by two threads at once, and by another
// than the calling one only where the header says so.
unsafe impl Send for CallbackReader {}

/// A source that is read through a callback.
pub(super) fn source(read: ocilayout_read_fn, userdata: *mut c_void) -> Result<Source<'static>> {
    Ok(Source::Reader(Box::new(CallbackReader::new(read, userdata)?)))
}

/// A source of blobs that is read through a callback.
pub(super) struct CallbackSource {
    read: unsafe extern "C-unwind" fn(
        *mut c_void,
        *const ocilayout_descriptor,
        u64,
        *mut c_void,
        usize,
    ) -> i64,
    userdata: *mut c_void,
}

impl CallbackSource {
    pub(super) fn new(read: ocilayout_read_blob_fn, userdata: *mut c_void) -> Result<Self> {
        Ok(Self { read: read.ok_or_else(|| null("read_blob"))?, userdata })
    }
}

impl BlobSource for CallbackSource {
    fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + '_>> {
        let descriptor = ocilayout_descriptor::new(descriptor.clone());
        Ok(Box::new(CallbackBlob { source: self, descriptor, offset: 0 }))
    }
}

struct CallbackBlob<'a> {
    source: &'a CallbackSource,
    descriptor: ocilayout_descriptor,
    offset: u64,
}

impl Read for CallbackBlob<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // SAFETY: as for `CallbackReader`; the descriptor lives during the call.
        let n = unsafe {
            (self.source.read)(
                self.source.userdata,
                &raw const self.descriptor,
                self.offset,
                buf.as_mut_ptr().cast(),
                buf.len(),
            )
        };
        let n = count("read_blob", n, buf.len())?;
        self.offset += n as u64;
        Ok(n)
    }
}

/// A matcher that asks a callback.
pub(super) struct CallbackMatcher {
    matches: unsafe extern "C-unwind" fn(*mut c_void, *const ocilayout_descriptor) -> i32,
    userdata: *mut c_void,
}

// SAFETY: it is used only by the call that it is made in, on its thread; the
// core asks for this of matchers that live longer.
unsafe impl Send for CallbackMatcher {}
// SAFETY: likewise.
unsafe impl Sync for CallbackMatcher {}

impl CallbackMatcher {
    /// The matcher that asks a callback; `None` for NULL.
    pub(super) fn matcher(
        matches: ocilayout_match_fn,
        userdata: *mut c_void,
    ) -> Option<Matcher<'static>> {
        let callback = Self { matches: matches?, userdata };
        Some(Matcher::custom(move |descriptor| callback.ask(descriptor)))
    }

    fn ask(&self, descriptor: &Descriptor) -> Result<bool> {
        let descriptor = ocilayout_descriptor::new(descriptor.clone());
        // SAFETY: the header says what the function may do; the descriptor
        // lives during the call.
        let answer = unsafe { (self.matches)(self.userdata, &raw const descriptor) };
        if answer < 0 {
            let problem = format!("the filter callback stopped the call with code {answer}");
            return Err(Error::Callback { problem, code: answer.into() });
        }
        Ok(answer > 0)
    }
}
