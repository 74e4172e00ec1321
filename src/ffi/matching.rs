//! Matchers.

use super::argument;
use super::callback::{CallbackMatcher, ocilayout_match_fn};
use super::descriptor::{self, ocilayout_descriptor};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, fill};
use super::handle::free;
use crate::layout::Matcher;
use crate::words::error::{Error, Result};
use crate::words::memory;
use std::ffi::{c_char, c_void};
use std::str::FromStr;

/// Says which entries of an index are meant. It never changes, so any number of
/// threads may use it.
pub struct ocilayout_match(Matcher<'static>);

/// What both a matcher and a filter mean; either may be NULL.
///
/// # Safety
/// `matcher` is NULL or a live matcher.
pub(super) unsafe fn both(
    matcher: *const ocilayout_match,
    filter: ocilayout_match_fn,
    userdata: *mut c_void,
) -> Matcher<'static> {
    // SAFETY: by the contract of this function.
    let matcher = unsafe { matcher.as_ref() }.map(|matcher| matcher.0.clone());
    let filter = CallbackMatcher::matcher(filter, userdata);
    Matcher::AllOf(matcher.into_iter().chain(filter).collect())
}

/// The same, where at least one must be given: that all is meant has to be
/// said.
///
/// # Safety
/// As for [`both`].
pub(super) unsafe fn meant(
    matcher: *const ocilayout_match,
    filter: ocilayout_match_fn,
    userdata: *mut c_void,
) -> Result<Matcher<'static>> {
    if matcher.is_null() && filter.is_none() {
        let (expected, found) = ("a matcher or a filter", "NULL for both".to_owned());
        return Err(Error::Invalid { what: "match", expected, found });
    }
    // SAFETY: by the contract of this function.
    Ok(unsafe { both(matcher, filter, userdata) })
}

/// # Safety
/// `texts` is NULL or points at `count` pointers to text.
unsafe fn parsed<T: FromStr<Err = Error>>(
    texts: *const *const c_char,
    count: usize,
    parameter: &'static str,
) -> Result<Vec<T>> {
    // SAFETY: by the contract of this function.
    let texts = unsafe { argument::texts(texts, count, parameter) }?;
    argument::named(parameter, memory::try_list(texts.into_iter().map(str::parse)))
}

/// # Safety
/// `matchers` is NULL or points at `count` pointers to live matchers.
unsafe fn several(
    matchers: *const *mut ocilayout_match,
    count: usize,
) -> Result<Vec<Matcher<'static>>> {
    // SAFETY: by the contract of this function.
    let matchers = unsafe { argument::array(matchers, count, "matchers") }?;
    let matchers = matchers.iter().map(|matcher| {
        // SAFETY: likewise.
        let matcher = unsafe { argument::object(*matcher, "matchers") }?;
        Ok(matcher.0.clone())
    });
    memory::try_list(matchers)
}

/// A combination of matchers, as long as it nests no deeper than a host's stack
/// surely bears.
fn combined(parameter: &'static str, matcher: Matcher<'static>) -> Result<ocilayout_match> {
    const DEEPEST: usize = 100;
    if matcher.depth() > DEEPEST {
        let (expected, found) = ("matchers that nest at most 100 levels deep", "more".to_owned());
        return Err(Error::Invalid { what: parameter, expected, found });
    }
    Ok(ocilayout_match(matcher))
}

/// Means the entries of this reference (org.opencontainers.image.ref.name). Any
/// text is accepted, as readers do.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_reference(
    reference: *const c_char,
    out: *mut *mut ocilayout_match,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            Ok(ocilayout_match(Matcher::reference(argument::text(reference, "reference")?)))
        })
    }
}

/// Means the entries whose annotation key has this value.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_annotation(
    key: *const c_char,
    value: *const c_char,
    out: *mut *mut ocilayout_match,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let key = memory::owned(argument::text(key, "key")?)?;
            let value = memory::owned(argument::text(value, "value")?)?;
            Ok(ocilayout_match(Matcher::Annotation(key, value)))
        })
    }
}

/// Means the entries whose platform is one of count platforms, in every part:
/// variant, os.version and os.features count, whatever the order of the last.
///
/// A platform is os/architecture[/variant][:os.version] or the JSON object of
/// the image-spec. Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when one is
/// malformed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_platforms(
    platforms: *const *const c_char,
    count: usize,
    out: *mut *mut ocilayout_match,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            Ok(ocilayout_match(Matcher::Platforms(parsed(platforms, count, "platforms")?)))
        })
    }
}

/// Means the entries whose media type is one of count media types.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_media_types(
    media_types: *const *const c_char,
    count: usize,
    out: *mut *mut ocilayout_match,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            Ok(ocilayout_match(Matcher::MediaTypes(parsed(media_types, count, "media_types")?)))
        })
    }
}

/// Means the entries whose digest is one of count digests.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_digests(
    digests: *const *const c_char,
    count: usize,
    out: *mut *mut ocilayout_match,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            Ok(ocilayout_match(Matcher::Digests(parsed(digests, count, "digests")?)))
        })
    }
}

/// Means what all of count matchers mean; every entry if there are none. The
/// matchers stay yours. Combinations nest at most 100 levels deep; beyond that
/// this fails with OCILAYOUT_ERR_INVALID_ARGUMENT.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_all_of(
    matchers: *const *mut ocilayout_match,
    count: usize,
    out: *mut *mut ocilayout_match,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { create(out, err, || combined("matchers", Matcher::AllOf(several(matchers, count)?))) }
}

/// Means what at least one of count matchers means; no entry if there are none.
/// The matchers stay yours.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_any_of(
    matchers: *const *mut ocilayout_match,
    count: usize,
    out: *mut *mut ocilayout_match,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { create(out, err, || combined("matchers", Matcher::AnyOf(several(matchers, count)?))) }
}

/// Means what matcher does not mean. The matcher stays yours.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_not(
    matcher: *const ocilayout_match,
    out: *mut *mut ocilayout_match,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let matcher = argument::object(matcher, "matcher")?.0.clone();
            combined("matcher", Matcher::Not(Box::new(matcher)))
        })
    }
}

/// Says by *matches whether the matcher means this descriptor.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_test(
    matcher: *const ocilayout_match,
    descriptor: *const ocilayout_descriptor,
    matches: *mut bool,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        fill(matches, "matches", false, err, || {
            let matcher = argument::object(matcher, "matcher")?;
            matcher.0.matches(&descriptor::taken(descriptor, "descriptor")?)
        })
    }
}

/// Frees the matcher. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_match_free(matcher: *mut ocilayout_match) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(matcher) };
}
