//! The interface of the tests, over the C ABI, called as C calls it.

use crate::api::{Among, Finding, Progress, Read, Source, Stored, Verify, Watch};
use crate::api::{Api, Append, Blobs, Failure, Flags, Image, Kind, Matcher, Options, Outcome};
use crate::api::{Directory, Long, Owners};
use ::ocilayout::ffi::archive::*;
use ::ocilayout::ffi::blob::*;
use ::ocilayout::ffi::blob_options::*;
use ::ocilayout::ffi::blob_reader::*;
use ::ocilayout::ffi::blob_writer::*;
use ::ocilayout::ffi::bytes::*;
use ::ocilayout::ffi::collect::*;
use ::ocilayout::ffi::descriptor::*;
use ::ocilayout::ffi::descriptors::*;
use ::ocilayout::ffi::edit::*;
use ::ocilayout::ffi::error::*;
use ::ocilayout::ffi::image::*;
use ::ocilayout::ffi::index::*;
use ::ocilayout::ffi::interrupt::*;
use ::ocilayout::ffi::layout::*;
use ::ocilayout::ffi::lookup::*;
use ::ocilayout::ffi::matching::*;
use ::ocilayout::ffi::progress::*;
use ::ocilayout::ffi::sources::*;
use ::ocilayout::ffi::transaction::*;
use ::ocilayout::ffi::tree::*;
use ::ocilayout::ffi::upkeep::*;
use ::ocilayout::ffi::verify::*;
use ::ocilayout::{Descriptor, Fate, FindingKind, SourceCompression};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr, c_char, c_void};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

/// Owns an object that the library handed out.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: handed out by the library, and freed only here.
        unsafe { (self.1)(self.0) };
    }
}

pub struct Abi(Owned<ocilayout>);

impl Abi {
    fn put_from(
        &self,
        source: Source<'_>,
        given: &Options,
        mut watch: Option<Watch<'_>>,
    ) -> Outcome<Stored> {
        let owned = options(given)?;
        let (layout, options) = (self.0.0, owned.0);
        let (tell, told) = told(&mut watch);
        // SAFETY: the pointers are live during each call.
        let made = make(ocilayout_descriptor_free, |out, err| unsafe {
            match source {
                Source::Memory(bytes) => {
                    let (data, len) = (bytes.as_ptr().cast(), bytes.len());
                    ocilayout_blob_put_memory(layout, data, len, options, tell, told, out, err)
                }
                Source::Callback(mut read) => {
                    let userdata = (&raw mut read).cast();
                    let read = Some(read_bytes as unsafe extern "C-unwind" fn(_, _, _) -> _);
                    ocilayout_blob_put_callback(
                        layout, read, userdata, options, tell, told, out, err,
                    )
                }
                Source::File(file) => {
                    let fd = file.as_raw_fd();
                    ocilayout_blob_put_fd(layout, fd, options, tell, told, out, err)
                }
                Source::Path(path) => {
                    let path = c_path(path);
                    ocilayout_blob_put_file(layout, path.as_ptr(), options, tell, told, out, err)
                }
                Source::Push(..) => panic!("who pushes knows how far he has come"),
            }
        })?;
        Ok(stored(made.0))
    }

    fn push(&self, bytes: &[u8], piece: usize, given: &Options) -> Outcome<Stored> {
        let options = options(given)?;
        // SAFETY: the pointers are live during each call.
        let made = unsafe {
            let writer = make(ocilayout_blob_writer_free, |out, err| {
                ocilayout_blob_writer_open(self.0.0, options.0, out, err)
            })?;
            for piece in bytes.chunks(piece) {
                let (data, len) = (piece.as_ptr().cast(), piece.len());
                call(|err| ocilayout_blob_writer_write(writer.0, data, len, err))?;
            }
            make(ocilayout_descriptor_free, |out, err| {
                ocilayout_blob_writer_finish(writer.0, out, err)
            })?
        };
        Ok(stored(made.0))
    }
}

// SAFETY: the header says that a layout may be used from any number of threads.
unsafe impl Sync for Abi {}

type Err = *mut *mut ocilayout_error;

/// Makes a call, and its failure out of status and error.
fn call(body: impl FnOnce(Err) -> ocilayout_status) -> Outcome<()> {
    let mut err = ptr::dangling_mut();
    let status = body(&raw mut err);
    if status == OCILAYOUT_OK {
        assert!(err.is_null(), "an error beside success");
        return Ok(());
    }
    let err = Owned(err, ocilayout_error_free);
    // SAFETY: the error is live until the end of this function.
    unsafe {
        assert_eq!(ocilayout_error_status(err.0), status);
        Err(Failure {
            kind: kind(status),
            message: text(ocilayout_error_message(err.0)).unwrap(),
            errno: ocilayout_error_errno(err.0),
            callback_code: ocilayout_error_callback_code(err.0),
        })
    }
}

/// Makes a call that hands out an object.
fn make<T>(
    free: unsafe extern "C" fn(*mut T),
    body: impl FnOnce(*mut *mut T, Err) -> ocilayout_status,
) -> Outcome<Owned<T>> {
    let mut out = ptr::dangling_mut();
    let outcome = call(|err| body(&raw mut out, err));
    assert_eq!(out.is_null(), outcome.is_err(), "an object if and only if it succeeds");
    outcome.map(|()| Owned(out, free))
}

fn kind(status: ocilayout_status) -> Kind {
    match status {
        OCILAYOUT_ERR_INVALID_ARGUMENT => Kind::Invalid,
        OCILAYOUT_ERR_STATE => Kind::State,
        OCILAYOUT_ERR_IO => Kind::Io,
        OCILAYOUT_ERR_NOT_FOUND => Kind::NotFound,
        OCILAYOUT_ERR_EXISTS => Kind::Exists,
        OCILAYOUT_ERR_BUSY => Kind::Busy,
        OCILAYOUT_ERR_CONFLICT => Kind::Conflict,
        OCILAYOUT_ERR_FORMAT => Kind::Format,
        OCILAYOUT_ERR_DIGEST => Kind::Digest,
        OCILAYOUT_ERR_CALLBACK => Kind::Callback,
        OCILAYOUT_ERR_CANCELLED => Kind::Cancelled,
        OCILAYOUT_ERR_LIMIT => Kind::Limit,
        OCILAYOUT_ERR_UNSUPPORTED => Kind::Unsupported,
        OCILAYOUT_ERR_NOT_DURABLE => Kind::NotDurable,
        OCILAYOUT_ERR_MEMORY => Kind::Memory,
        other => panic!("{other:?}"),
    }
}

fn fate(number: i32) -> Fate {
    match number {
        OCILAYOUT_FATE_REMOVED => Fate::Removed,
        OCILAYOUT_FATE_REFERENCED => Fate::Referenced,
        OCILAYOUT_FATE_REFERRER => Fate::Referrer,
        OCILAYOUT_FATE_LEASED => Fate::Leased,
        OCILAYOUT_FATE_YOUNG => Fate::Young,
        OCILAYOUT_FATE_FOREIGN => Fate::Foreign,
        other => panic!("{other}"),
    }
}

fn verify_flags(how: Verify) -> u64 {
    let bits = [
        (how.quick, OCILAYOUT_VERIFY_QUICK),
        (how.missing_allowed, OCILAYOUT_VERIFY_MISSING_ALLOWED),
    ];
    bits.iter().filter(|(set, _)| *set).fold(0, |flags, (_, bit)| flags | bit)
}

fn text(text: *const c_char) -> Option<String> {
    // SAFETY: NULL or text that belongs to a live object.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned())
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

/// Texts as C takes them: what owns them, and the pointers.
fn c_list(texts: &[&str]) -> (Vec<CString>, Vec<*const c_char>) {
    let owned: Vec<CString> = texts.iter().map(|text| c(text)).collect();
    let pointers = owned.iter().map(|text| text.as_ptr()).collect();
    (owned, pointers)
}

fn or_null(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

fn handle(descriptor: &Descriptor) -> Owned<ocilayout_descriptor> {
    let json = descriptor.json();
    make(ocilayout_descriptor_free, |out, err| {
        // SAFETY: the pointers are live during the call.
        unsafe { ocilayout_descriptor_from_json(json.as_ptr().cast(), json.len(), out, err) }
    })
    .unwrap()
}

/// Reads a descriptor through its getters and holds them against its JSON.
fn read(handle: *const ocilayout_descriptor) -> Descriptor {
    // SAFETY: the handle is live.
    unsafe {
        let json = text(ocilayout_descriptor_json(handle)).unwrap();
        let descriptor = Descriptor::parse(json.as_bytes()).unwrap();
        let media_type = text(ocilayout_descriptor_media_type(handle));
        assert_eq!(media_type.as_deref(), Some(descriptor.media_type().as_str()));
        let digest = text(ocilayout_descriptor_digest(handle));
        assert_eq!(digest.as_deref(), Some(descriptor.digest().as_str()));
        assert_eq!(ocilayout_descriptor_size(handle), descriptor.size());
        let platform = text(ocilayout_descriptor_platform(handle));
        assert_eq!(platform, descriptor.platform().unwrap().map(|platform| platform.to_string()));
        let reference = text(ocilayout_descriptor_reference(handle));
        assert_eq!(reference.as_deref(), descriptor.reference());
        assert_eq!(ocilayout_descriptor_annotation_count(handle), descriptor.annotations().len());
        for (position, (key, value)) in descriptor.annotations().enumerate() {
            let found = text(ocilayout_descriptor_annotation_key(handle, position));
            assert_eq!(found.as_deref(), Some(key));
            let found = text(ocilayout_descriptor_annotation_value(handle, position));
            assert_eq!(found.as_deref(), Some(value));
        }
        for (position, url) in descriptor.urls().enumerate() {
            let found = text(ocilayout_descriptor_url(handle, position));
            assert_eq!(found.as_deref(), Some(url));
        }
        descriptor
    }
}

fn taken(made: Outcome<Owned<ocilayout_descriptor>>) -> Outcome<Descriptor> {
    made.map(|handle| read(handle.0))
}

fn bytes(made: Outcome<Owned<ocilayout_bytes>>) -> Outcome<Vec<u8>> {
    made.map(|bytes| {
        // SAFETY: the bytes are live, and that many.
        unsafe {
            let (data, size) = (ocilayout_bytes_data(bytes.0), ocilayout_bytes_size(bytes.0));
            assert_eq!(data.is_null(), size == 0);
            if size == 0 { Vec::new() } else { std::slice::from_raw_parts(data, size).to_vec() }
        }
    })
}

fn list(made: Outcome<Owned<ocilayout_descriptors>>) -> Outcome<Vec<Descriptor>> {
    made.map(|list| {
        // SAFETY: the list is live.
        unsafe {
            let count = ocilayout_descriptors_count(list.0);
            assert!(ocilayout_descriptors_at(list.0, count).is_null());
            (0..count).map(|position| read(ocilayout_descriptors_at(list.0, position))).collect()
        }
    })
}

/// Reads a finding through its getters.
fn finding(finding: *const ocilayout_finding) -> Finding {
    // SAFETY: the finding is live.
    unsafe {
        let kind = match ocilayout_finding_kind(finding) {
            OCILAYOUT_FINDING_MISSING => FindingKind::Missing,
            OCILAYOUT_FINDING_UNREADABLE => FindingKind::Unreadable,
            OCILAYOUT_FINDING_SIZE => FindingKind::Size,
            OCILAYOUT_FINDING_DIGEST => FindingKind::Digest,
            OCILAYOUT_FINDING_MALFORMED => FindingKind::Malformed,
            OCILAYOUT_FINDING_CONTRADICTORY => FindingKind::Contradictory,
            OCILAYOUT_FINDING_LEFTOVER => FindingKind::Leftover,
            other => panic!("{other}"),
        };
        let path = CStr::from_ptr(ocilayout_finding_path(finding)).to_bytes();
        let places = 0..ocilayout_finding_referenced_count(finding);
        assert!(ocilayout_finding_referenced_at(finding, places.end).is_null());
        let referenced_from = places
            .map(|position| text(ocilayout_finding_referenced_at(finding, position)).unwrap());
        Finding {
            kind,
            path: PathBuf::from(OsStr::from_bytes(path)),
            digest: text(ocilayout_finding_digest(finding)),
            referenced_from: referenced_from.collect(),
            message: text(ocilayout_finding_message(finding)).unwrap(),
        }
    }
}

fn options(given: &Options) -> Outcome<Owned<ocilayout_blob_options>> {
    // SAFETY: the pointers are live during each call.
    let made = make(ocilayout_blob_options_free, |out, err| unsafe {
        ocilayout_blob_options_new(out, err)
    })?;
    let options = made.0;
    let set_text = |value: &Option<String>, set: unsafe extern "C" fn(_, _, Err) -> _| match value {
        // SAFETY: likewise.
        Some(value) => call(|err| unsafe { set(options, c(value).as_ptr(), err) }),
        None => Ok(()),
    };
    set_text(&given.media_type, ocilayout_blob_options_set_media_type)?;
    set_text(&given.algorithm, ocilayout_blob_options_set_algorithm)?;
    set_text(&given.digest, ocilayout_blob_options_set_expected_digest)?;
    let compression = match (given.gzip, given.zstd) {
        _ if given.plain => Some((OCILAYOUT_COMPRESSION_PLAIN, OCILAYOUT_LEVEL_DEFAULT)),
        (Some(level), _) => Some((OCILAYOUT_COMPRESSION_GZIP, level)),
        (_, Some(level)) => Some((OCILAYOUT_COMPRESSION_ZSTD, level)),
        _ => None,
    };
    // SAFETY: likewise.
    unsafe {
        if given.source != SourceCompression::None {
            let source = match given.source {
                SourceCompression::None => OCILAYOUT_COMPRESSION_NONE,
                SourceCompression::Gzip => OCILAYOUT_COMPRESSION_GZIP,
                SourceCompression::Zstd => OCILAYOUT_COMPRESSION_ZSTD,
                SourceCompression::Detect => OCILAYOUT_COMPRESSION_DETECT,
            };
            call(|err| ocilayout_blob_options_set_source_compression(options, source, err))?;
        }
        if let Some((compression, level)) = compression {
            call(|err| ocilayout_blob_options_set_compression(options, compression, level, err))?;
        }
        if let Some(size) = given.size {
            call(|err| ocilayout_blob_options_set_expected_size(options, size, err))?;
        }
        if let Some(limit) = given.limit {
            call(|err| ocilayout_blob_options_set_limit(options, limit, err))?;
        }
        for (is_set, flag) in
            [(given.rehash, OCILAYOUT_BLOB_REHASH), (given.trusted, OCILAYOUT_BLOB_TRUSTED)]
        {
            if is_set {
                call(|err| ocilayout_blob_options_set_flags(options, flag, err))?;
            }
        }
    }
    Ok(made)
}

fn directory(given: &Directory<'_>) -> Outcome<Owned<ocilayout_directory_options>> {
    // SAFETY: the pointers are live during each call.
    unsafe {
        let made = make(ocilayout_directory_options_free, |out, err| {
            ocilayout_directory_options_new(out, err)
        })?;
        let options = made.0;
        if let Some(seconds) = given.clamp {
            call(|err| ocilayout_directory_options_set_clamp(options, seconds, err))?;
        }
        let owners =
            |owners| call(|err| ocilayout_directory_options_set_owners(options, owners, err));
        match given.owners {
            Owners::Kept => owners(OCILAYOUT_OWNERS_KEPT)?,
            Owners::Root => owners(OCILAYOUT_OWNERS_ROOT)?,
            Owners::Mapped(users, groups) => {
                for (from, to, length) in users.iter().copied() {
                    call(|err| {
                        ocilayout_directory_options_map_users(options, from, to, length, err)
                    })?;
                }
                for (from, to, length) in groups.iter().copied() {
                    call(|err| {
                        ocilayout_directory_options_map_groups(options, from, to, length, err)
                    })?;
                }
            }
        }
        for (pattern, includes) in given.patterns {
            let add = if *includes {
                ocilayout_directory_options_include
            } else {
                ocilayout_directory_options_exclude
            };
            call(|err| add(options, c(pattern).as_ptr(), err))?;
        }
        if given.sparse {
            let flags = OCILAYOUT_DIRECTORY_SPARSE;
            call(|err| ocilayout_directory_options_set_flags(options, flags, err))?;
        }
        Ok(made)
    }
}

type ReadFunction<'a> = &'a mut Read<'a>;

unsafe extern "C-unwind" fn read_bytes(userdata: *mut c_void, buf: *mut c_void, cap: usize) -> i64 {
    // SAFETY: `userdata` is what `put` gave, and `buf` has room for `cap` bytes.
    unsafe {
        let read = &mut *userdata.cast::<ReadFunction<'_>>();
        read(std::slice::from_raw_parts_mut(buf.cast(), cap))
    }
}

/// As [`read_bytes`], for a function that is in a box.
unsafe extern "C-unwind" fn read_boxed(userdata: *mut c_void, buf: *mut c_void, cap: usize) -> i64 {
    // SAFETY: `userdata` is what `put_all` gave, and `buf` has room for `cap` bytes.
    unsafe {
        let read = &mut *userdata.cast::<Box<Read<'static>>>();
        read(std::slice::from_raw_parts_mut(buf.cast(), cap))
    }
}

unsafe extern "C-unwind" fn tell(
    userdata: *mut c_void,
    progress: *const ocilayout_progress,
) -> i32 {
    // SAFETY: `userdata` is what `told` gave, and the struct lives.
    let (watch, told) = unsafe { (&mut *userdata.cast::<Watch<'_>>(), &*progress) };
    let total = |number: u64| (number != u64::MAX).then_some(number);
    let goes_on = watch(Progress {
        bytes: told.bytes_done,
        bytes_total: total(told.bytes_total),
        items: told.items_done,
        items_total: total(told.items_total),
    });
    if goes_on { 0 } else { -1 }
}

/// The watch as C gives it.
fn told(watch: &mut Option<Watch<'_>>) -> (ocilayout_progress_fn, *mut c_void) {
    match watch {
        Some(watch) => (Some(tell), ptr::from_mut(watch).cast()),
        None => (None, ptr::null_mut()),
    }
}

fn stored(handle: *const ocilayout_descriptor) -> Stored {
    // SAFETY: the handle is live.
    let diff_id = text(unsafe { ocilayout_descriptor_diff_id(handle) });
    Stored { descriptor: read(handle), diff_id }
}

unsafe extern "C-unwind" fn read_blob(
    userdata: *mut c_void,
    descriptor: *const ocilayout_descriptor,
    offset: u64,
    buf: *mut c_void,
    cap: usize,
) -> i64 {
    // SAFETY: `userdata` is the blobs, and `buf` has room for `cap` bytes.
    unsafe {
        let blobs = &*userdata.cast::<Blobs>();
        let digest = text(ocilayout_descriptor_digest(descriptor)).unwrap();
        let Some(blob) = blobs.get(&digest) else { return -7 };
        let rest = &blob[usize::try_from(offset).unwrap()..];
        let n = rest.len().min(cap).min(1000);
        ptr::copy_nonoverlapping(rest.as_ptr(), buf.cast(), n);
        i64::try_from(n).unwrap()
    }
}

fn userdata<T>(value: &T) -> *mut c_void {
    ptr::from_ref(value).cast_mut().cast()
}

type MatchFunction<'a> = &'a (dyn Fn(&Descriptor) -> i32 + Sync);

unsafe extern "C-unwind" fn matches(
    userdata: *mut c_void,
    descriptor: *const ocilayout_descriptor,
) -> i32 {
    // SAFETY: `userdata` is what the caller gave.
    let function = unsafe { &*userdata.cast::<MatchFunction<'_>>() };
    function(&read(descriptor))
}

fn matcher(given: &Matcher<'_>) -> Outcome<Owned<ocilayout_match>> {
    type Texts = unsafe extern "C" fn(
        *const *const c_char,
        usize,
        *mut *mut ocilayout_match,
        Err,
    ) -> ocilayout_status;
    let of_texts = |texts: &[&str], function: Texts| {
        let (_owned, pointers) = c_list(texts);
        make(ocilayout_match_free, |out, err| {
            // SAFETY: the texts live during the call.
            unsafe { function(pointers.as_ptr(), pointers.len(), out, err) }
        })
    };
    let several = |given: &[Matcher<'_>]| given.iter().map(matcher).collect::<Result<Vec<_>, _>>();
    // SAFETY: the pointers are live during each call.
    unsafe {
        match given {
            Matcher::Name(name) => make(ocilayout_match_free, |out, err| {
                ocilayout_match_reference(c(name).as_ptr(), out, err)
            }),
            Matcher::Annotation(key, value) => make(ocilayout_match_free, |out, err| {
                ocilayout_match_annotation(c(key).as_ptr(), c(value).as_ptr(), out, err)
            }),
            Matcher::Platforms(texts) => of_texts(texts, ocilayout_match_platforms),
            Matcher::MediaTypes(texts) => of_texts(texts, ocilayout_match_media_types),
            Matcher::Digests(texts) => of_texts(texts, ocilayout_match_digests),
            Matcher::AllOf(given) => {
                let parts = several(given)?;
                let pointers: Vec<_> = parts.iter().map(|part| part.0).collect();
                make(ocilayout_match_free, |out, err| {
                    ocilayout_match_all_of(pointers.as_ptr(), pointers.len(), out, err)
                })
            }
            Matcher::AnyOf(given) => {
                let parts = several(given)?;
                let pointers: Vec<_> = parts.iter().map(|part| part.0).collect();
                make(ocilayout_match_free, |out, err| {
                    ocilayout_match_any_of(pointers.as_ptr(), pointers.len(), out, err)
                })
            }
            Matcher::Not(given) => {
                let negated = matcher(given)?;
                make(ocilayout_match_free, |out, err| ocilayout_match_not(negated.0, out, err))
            }
            Matcher::Function(_) => panic!("a function stands by itself"),
        }
    }
}

/// What the calls take that edit by a matcher: it, or a filter with userdata.
struct Meant<'a> {
    matcher: Option<Owned<ocilayout_match>>,
    function: Option<MatchFunction<'a>>,
}

impl<'a> Meant<'a> {
    fn new(given: Option<&Matcher<'a>>) -> Outcome<Self> {
        Ok(match given {
            None => Self { matcher: None, function: None },
            Some(Matcher::Function(function)) => Self { matcher: None, function: Some(*function) },
            Some(given) => Self { matcher: Some(matcher(given)?), function: None },
        })
    }

    fn matcher(&self) -> *const ocilayout_match {
        self.matcher.as_ref().map_or(ptr::null(), |matcher| matcher.0)
    }

    fn filter(&self) -> ::ocilayout::ffi::callback::ocilayout_match_fn {
        self.function.is_some().then_some(matches)
    }

    fn userdata(&self) -> *mut c_void {
        self.function.as_ref().map_or(ptr::null_mut(), userdata)
    }
}

// SAFETY, for all of these: the pointers are live during each call.
#[allow(clippy::undocumented_unsafe_blocks, reason = "said once, above")]
impl Api for Abi {
    fn open(path: &Path, flags: Flags) -> Outcome<Self> {
        let bits = [
            (flags.create || flags.exclusive, OCILAYOUT_OPEN_CREATE),
            (flags.exclusive, OCILAYOUT_OPEN_EXCLUSIVE),
            (flags.read_only, OCILAYOUT_OPEN_READ_ONLY),
            (flags.symlinked_blobs, OCILAYOUT_OPEN_SYMLINKED_BLOBS),
        ];
        let flags = bits.iter().filter(|(set, _)| *set).fold(0, |flags, (_, bit)| flags | bit);
        make(ocilayout_free, |out, err| unsafe {
            ocilayout_open(c_path(path).as_ptr(), flags, out, err)
        })
        .map(Self)
    }

    fn create(path: &Path, index: &[u8], source: Option<&Blobs>) -> Outcome<Self> {
        make(ocilayout_free, |out, err| unsafe {
            ocilayout_create(
                c_path(path).as_ptr(),
                index.as_ptr().cast(),
                index.len(),
                source.is_some().then_some(read_blob),
                source.map_or(ptr::null_mut(), userdata),
                None,
                ptr::null_mut(),
                out,
                err,
            )
        })
        .map(Self)
    }

    fn set_threads(&self, threads: usize) {
        call(|err| unsafe { ocilayout_set_threads(self.0.0, threads, err) }).unwrap();
    }

    fn put(&self, source: Source<'_>, given: &Options) -> Outcome<Stored> {
        match source {
            Source::Push(bytes, piece) => self.push(bytes, piece, given),
            source => self.put_from(source, given, None),
        }
    }

    fn put_watched(
        &self,
        source: Source<'_>,
        given: &Options,
        watch: Watch<'_>,
    ) -> Outcome<Stored> {
        self.put_from(source, given, Some(watch))
    }

    fn put_all(
        &self,
        sources: Vec<(Among, Options)>,
        concurrency: usize,
        mut watch: Option<Watch<'_>>,
    ) -> Outcome<Vec<Stored>> {
        let list =
            make(ocilayout_sources_free, |out, err| unsafe { ocilayout_sources_new(out, err) })?;
        let mut callbacks = Vec::new();
        for (source, given) in sources {
            let options = options(&given)?;
            call(|err| unsafe {
                match source {
                    Among::Memory(bytes) => {
                        let (data, len) = (bytes.as_ptr().cast(), bytes.len());
                        ocilayout_sources_add_memory(list.0, data, len, options.0, err)
                    }
                    Among::Callback(read) => {
                        // The box is dropped after the list.
                        let mut read = Box::new(read);
                        let userdata = ptr::from_mut(&mut *read).cast();
                        callbacks.push(read);
                        let read = Some(read_boxed as unsafe extern "C-unwind" fn(_, _, _) -> _);
                        ocilayout_sources_add_callback(list.0, read, userdata, options.0, err)
                    }
                    Among::File(file) => {
                        ocilayout_sources_add_fd(list.0, file.as_raw_fd(), options.0, err)
                    }
                    Among::Path(path) => {
                        ocilayout_sources_add_file(list.0, c_path(&path).as_ptr(), options.0, err)
                    }
                }
            })?;
        }
        let (tell, userdata) = told(&mut watch);
        let descriptors = make(ocilayout_descriptors_free, |out, err| unsafe {
            ocilayout_blob_put_all(self.0.0, list.0, concurrency, tell, userdata, out, err)
        })?;
        let count = unsafe { ocilayout_descriptors_count(descriptors.0) };
        let at = |position| unsafe { ocilayout_descriptors_at(descriptors.0, position) };
        Ok((0..count).map(|position| stored(at(position))).collect())
    }

    fn put_directory(&self, path: &Path, given: &Directory<'_>, blob: &Options) -> Outcome<Stored> {
        let (directory, blob) = (directory(given)?, options(blob)?);
        let made = make(ocilayout_descriptor_free, |out, err| unsafe {
            let path = c_path(path);
            ocilayout_blob_put_directory(
                self.0.0,
                path.as_ptr(),
                directory.0,
                blob.0,
                None,
                ptr::null_mut(),
                out,
                err,
            )
        })?;
        Ok(stored(made.0))
    }

    fn put_difference(
        &self,
        lower: &Path,
        upper: &Path,
        given: &Directory<'_>,
        blob: &Options,
    ) -> Outcome<Stored> {
        let (directory, blob) = (directory(given)?, options(blob)?);
        let made = make(ocilayout_descriptor_free, |out, err| unsafe {
            let (lower, upper) = (c_path(lower), c_path(upper));
            let (lower, upper) = (lower.as_ptr(), upper.as_ptr());
            ocilayout_blob_put_difference(
                self.0.0,
                lower,
                upper,
                directory.0,
                blob.0,
                None,
                ptr::null_mut(),
                out,
                err,
            )
        })?;
        Ok(stored(made.0))
    }

    fn blob_size(&self, digest: &str) -> Outcome<u64> {
        let mut size = 1;
        let outcome = call(|err| unsafe {
            ocilayout_blob_size(self.0.0, c(digest).as_ptr(), &raw mut size, err)
        });
        outcome.map(|()| size)
    }

    fn read_blob(&self, descriptor: &Descriptor, limit: u64) -> Outcome<Vec<u8>> {
        bytes(make(ocilayout_bytes_free, |out, err| unsafe {
            ocilayout_blob_read(self.0.0, handle(descriptor).0, limit, out, err)
        }))
    }

    fn stream_blob(&self, descriptor: &Descriptor, piece: usize) -> Outcome<Vec<u8>> {
        let reader = make(ocilayout_blob_reader_free, |out, err| unsafe {
            ocilayout_blob_reader_open(self.0.0, handle(descriptor).0, out, err)
        })?;
        let mut content = Vec::new();
        let mut buffer = vec![0_u8; piece];
        loop {
            let mut n = usize::MAX;
            call(|err| unsafe {
                let buf = buffer.as_mut_ptr().cast();
                ocilayout_blob_reader_read(reader.0, buf, piece, &raw mut n, err)
            })?;
            if n == 0 {
                return Ok(content);
            }
            content.extend_from_slice(&buffer[..n]);
        }
    }

    fn remove_blob(&self, digest: &str) -> Outcome<()> {
        call(|err| unsafe { ocilayout_blob_remove(self.0.0, c(digest).as_ptr(), err) })
    }

    fn read_file(&self, name: &str) -> Outcome<Vec<u8>> {
        bytes(make(ocilayout_bytes_free, |out, err| unsafe {
            ocilayout_read_file(self.0.0, c(name).as_ptr(), out, err)
        }))
    }

    fn write_file(&self, name: &str, content: &[u8]) -> Outcome<()> {
        let (data, len) = (content.as_ptr().cast(), content.len());
        call(|err| unsafe { ocilayout_write_file(self.0.0, c(name).as_ptr(), data, len, err) })
    }

    fn append(&self, entry: &Descriptor, name: Option<&str>, how: Append) -> Outcome<()> {
        let name = name.map(c);
        let mut flags = 0;
        if how.missing_allowed {
            flags |= OCILAYOUT_APPEND_MISSING_ALLOWED;
        }
        if how.duplicate {
            flags |= OCILAYOUT_APPEND_DUPLICATE;
        }
        call(|err| unsafe {
            ocilayout_append(self.0.0, handle(entry).0, or_null(&name), flags, err)
        })
    }

    fn replace(
        &self,
        given: &Matcher<'_>,
        entry: &Descriptor,
        name: Option<&str>,
    ) -> Outcome<usize> {
        let meant = Meant::new(Some(given))?;
        let (matcher, filter, userdata) = (meant.matcher(), meant.filter(), meant.userdata());
        let name = name.map(c);
        let entry = handle(entry);
        let mut n = usize::MAX;
        let outcome = call(|err| unsafe {
            let (layout, name) = (self.0.0, or_null(&name));
            let n = &raw mut n;
            ocilayout_replace(layout, matcher, filter, userdata, entry.0, name, 0, n, err)
        });
        outcome.map(|()| n)
    }

    fn remove(&self, given: &Matcher<'_>) -> Outcome<usize> {
        let meant = Meant::new(Some(given))?;
        let (matcher, filter, userdata) = (meant.matcher(), meant.filter(), meant.userdata());
        let mut n = usize::MAX;
        let outcome = call(|err| unsafe {
            ocilayout_remove(self.0.0, matcher, filter, userdata, &raw mut n, err)
        });
        outcome.map(|()| n)
    }

    fn list(&self, given: Option<&Matcher<'_>>) -> Outcome<Vec<Descriptor>> {
        let meant = Meant::new(given)?;
        list(make(ocilayout_descriptors_free, |out, err| unsafe {
            let (matcher, filter) = (meant.matcher(), meant.filter());
            ocilayout_list(self.0.0, matcher, filter, meant.userdata(), out, err)
        }))
    }

    fn children(&self, descriptor: &Descriptor) -> Outcome<Vec<Descriptor>> {
        list(make(ocilayout_descriptors_free, |out, err| unsafe {
            ocilayout_children(self.0.0, handle(descriptor).0, out, err)
        }))
    }

    fn resolve(&self, name: &str, platform: Option<&str>) -> Outcome<Descriptor> {
        let platform = platform.map(c);
        taken(make(ocilayout_descriptor_free, |out, err| unsafe {
            ocilayout_resolve(self.0.0, c(name).as_ptr(), or_null(&platform), out, err)
        }))
    }

    fn unreferenced(&self) -> Outcome<Vec<Descriptor>> {
        list(make(ocilayout_descriptors_free, |out, err| unsafe {
            ocilayout_unreferenced(self.0.0, None, ptr::null_mut(), out, err)
        }))
    }

    fn collect(&self, grace_seconds: u64, dry_run: bool) -> Outcome<BTreeMap<String, Fate>> {
        let flags = if dry_run { OCILAYOUT_COLLECT_DRY_RUN } else { 0 };
        let collection = make(ocilayout_collection_free, |out, err| unsafe {
            ocilayout_collect(self.0.0, flags, grace_seconds, None, ptr::null_mut(), out, err)
        })?;
        let count = unsafe { ocilayout_collection_count(collection.0) };
        let told = (0..count).map(|position| unsafe {
            let blob = ocilayout_collection_at(collection.0, position);
            let digest = text(ocilayout_collected_digest(blob)).unwrap();
            (digest, fate(ocilayout_collected_fate(blob)))
        });
        Ok(told.collect())
    }

    fn verify(&self, how: Verify) -> Outcome<Vec<Finding>> {
        let found = make(ocilayout_findings_free, |out, err| unsafe {
            ocilayout_verify(self.0.0, verify_flags(how), None, ptr::null_mut(), out, err)
        })?;
        let count = unsafe { ocilayout_findings_count(found.0) };
        let at = |position| unsafe { ocilayout_findings_at(found.0, position) };
        assert!(at(count).is_null());
        Ok((0..count).map(|position| finding(at(position))).collect())
    }

    fn watched(&self, long: Long<'_, Self>, watch: Watch<'_>) -> Outcome<()> {
        let layout = self.0.0;
        let mut watch = Some(watch);
        let (tell, with) = told(&mut watch);
        match long {
            Long::Verify(how) => make(ocilayout_findings_free, |out, err| unsafe {
                ocilayout_verify(layout, verify_flags(how), tell, with, out, err)
            })
            .map(drop),
            Long::Collect { dry_run } => make(ocilayout_collection_free, |out, err| unsafe {
                let flags = if dry_run { OCILAYOUT_COLLECT_DRY_RUN } else { 0 };
                ocilayout_collect(layout, flags, 0, tell, with, out, err)
            })
            .map(drop),
            Long::Unreferenced => make(ocilayout_descriptors_free, |out, err| unsafe {
                ocilayout_unreferenced(layout, tell, with, out, err)
            })
            .map(drop),
            Long::Write(root, blobs) => call(|err| unsafe {
                let (root, blobs) = (handle(root), userdata(blobs));
                ocilayout_write(layout, root.0, Some(read_blob), blobs, tell, with, err)
            }),
            Long::WriteFrom(root, source) => call(|err| unsafe {
                ocilayout_write_from(layout, handle(root).0, source.0.0, tell, with, err)
            }),
            Long::Create(path, index, blobs) => make(ocilayout_free, |out, err| unsafe {
                let (path, data) = (c_path(path), index.as_ptr().cast());
                let (read, blobs) = (Some(read_blob as _), userdata(blobs));
                let len = index.len();
                ocilayout_create(path.as_ptr(), data, len, read, blobs, tell, with, out, err)
            })
            .map(drop),
        }
    }

    fn set_lock_timeout(&self, timeout: Option<u32>) {
        let timeout = timeout.map_or(-1, i64::from);
        call(|err| unsafe { ocilayout_set_lock_timeout(self.0.0, timeout, err) }).unwrap();
    }

    fn interruptible(&self) -> Self {
        make(ocilayout_free, |out, err| unsafe { ocilayout_interruptible(self.0.0, out, err) })
            .map(Self)
            .unwrap()
    }

    fn interrupt(&self) -> Outcome<()> {
        call(|err| unsafe { ocilayout_interrupt(self.0.0, err) })
    }

    fn begin(&self) -> Outcome<Self> {
        make(ocilayout_free, |out, err| unsafe { ocilayout_begin(self.0.0, out, err) }).map(Self)
    }

    fn commit(&self) -> Outcome<()> {
        call(|err| unsafe { ocilayout_commit(self.0.0, err) })
    }

    fn commit_if(&self, digest: &str) -> Outcome<()> {
        call(|err| unsafe { ocilayout_commit_if(self.0.0, c(digest).as_ptr(), err) })
    }

    fn describe_index(&self) -> Outcome<Descriptor> {
        taken(make(ocilayout_descriptor_free, |out, err| unsafe {
            ocilayout_describe_index(self.0.0, out, err)
        }))
    }

    fn put_manifest(
        &self,
        json: &[u8],
        media_type: Option<&str>,
        missing_allowed: bool,
    ) -> Outcome<Descriptor> {
        let media_type = media_type.map(c);
        let flags = if missing_allowed { OCILAYOUT_MANIFEST_MISSING_ALLOWED } else { 0 };
        taken(make(ocilayout_descriptor_free, |out, err| unsafe {
            let (data, len) = (json.as_ptr().cast(), json.len());
            ocilayout_manifest_put(self.0.0, data, len, or_null(&media_type), flags, out, err)
        }))
    }

    fn write(&self, descriptor: &Descriptor, source: &Blobs) -> Outcome<()> {
        call(|err| unsafe {
            let root = handle(descriptor);
            let (read, source) = (Some(read_blob as _), userdata(source));
            ocilayout_write(self.0.0, root.0, read, source, None, ptr::null_mut(), err)
        })
    }

    fn write_from(&self, descriptor: &Descriptor, source: &Self) -> Outcome<()> {
        call(|err| unsafe {
            let (root, source) = (handle(descriptor), source.0.0);
            ocilayout_write_from(self.0.0, root.0, source, None, ptr::null_mut(), err)
        })
    }

    fn image(&self, given: &Image<'_>) -> Outcome<Descriptor> {
        let image = make(ocilayout_image_free, |out, err| unsafe {
            match given.from {
                Some(from) => ocilayout_image_load(self.0.0, handle(from).0, out, err),
                None => ocilayout_image_new(self.0.0, out, err),
            }
        })?;
        type One =
            unsafe extern "C" fn(*mut ocilayout_image, *const c_char, Err) -> ocilayout_status;
        type Two = unsafe extern "C" fn(
            *mut ocilayout_image,
            *const c_char,
            *const c_char,
            Err,
        ) -> ocilayout_status;
        type Many = unsafe extern "C" fn(
            *mut ocilayout_image,
            *const *const c_char,
            usize,
            Err,
        ) -> ocilayout_status;
        let one = |text: Option<&str>, set: One| match text {
            Some(text) => call(|err| unsafe { set(image.0, c(text).as_ptr(), err) }),
            None => Ok(()),
        };
        let two = |pairs: &[(&str, &str)], set: Two| {
            pairs.iter().try_for_each(|(key, value)| {
                call(|err| unsafe { set(image.0, c(key).as_ptr(), c(value).as_ptr(), err) })
            })
        };
        let many = |texts: &[&str], set: Many| {
            let (_owned, pointers) = c_list(texts);
            match pointers.len() {
                0 => Ok(()),
                n => call(|err| unsafe { set(image.0, pointers.as_ptr(), n, err) }),
            }
        };
        if let Some(json) = given.config_json {
            let (data, len) = (json.as_ptr().cast(), json.len());
            call(|err| unsafe { ocilayout_image_set_config_json(image.0, data, len, err) })?;
        }
        one(given.platform, ocilayout_image_set_platform)?;
        one(given.created, ocilayout_image_set_created)?;
        many(given.entrypoint, ocilayout_image_set_entrypoint)?;
        many(given.command, ocilayout_image_set_command)?;
        two(given.env, ocilayout_image_set_env)?;
        one(given.working_dir, ocilayout_image_set_working_dir)?;
        one(given.user, ocilayout_image_set_user)?;
        two(given.labels, ocilayout_image_set_label)?;
        for port in given.ports {
            one(Some(port), ocilayout_image_add_exposed_port)?;
        }
        two(given.annotations, ocilayout_image_set_annotation)?;
        for (layer, diff_id, created_by) in &given.layers {
            // A descriptor that went through JSON has forgotten its diff ID.
            let diff_id = diff_id.map(c).or(layer.diff_id.as_deref().map(c));
            let created_by = created_by.map(c);
            call(|err| unsafe {
                let layer = handle(&layer.descriptor);
                let (diff_id, created_by) = (or_null(&diff_id), or_null(&created_by));
                ocilayout_image_add_layer(image.0, layer.0, diff_id, created_by, err)
            })?;
        }
        for step in given.steps {
            call(|err| unsafe {
                ocilayout_image_add_history(image.0, c(step).as_ptr(), ptr::null(), err)
            })?;
        }
        taken(make(ocilayout_descriptor_free, |out, err| unsafe {
            ocilayout_image_finish(image.0, out, err)
        }))
    }

    fn index(
        &self,
        manifests: &[&Descriptor],
        annotations: &[(&str, &str)],
    ) -> Outcome<Descriptor> {
        let index = make(ocilayout_index_free, |out, err| unsafe {
            ocilayout_index_new(self.0.0, out, err)
        })?;
        for manifest in manifests {
            call(|err| unsafe { ocilayout_index_add_manifest(index.0, handle(manifest).0, err) })?;
        }
        for (key, value) in annotations {
            call(|err| unsafe {
                let (key, value) = (c(key), c(value));
                ocilayout_index_set_annotation(index.0, key.as_ptr(), value.as_ptr(), err)
            })?;
        }
        taken(make(ocilayout_descriptor_free, |out, err| unsafe {
            ocilayout_index_finish(index.0, out, err)
        }))
    }
}
