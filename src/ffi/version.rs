//! Which library this is.

use std::ffi::{CStr, c_char};

/// The version that this header describes: major.
pub const OCILAYOUT_VERSION_MAJOR: u32 = 0;
/// The version that this header describes: minor.
pub const OCILAYOUT_VERSION_MINOR: u32 = 1;
/// The version that this header describes: patch.
pub const OCILAYOUT_VERSION_PATCH: u32 = 0;

const TEXT: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    };

/// Says the version of the library that is running, such as "0.1.0".
///
/// The text is static: it is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ocilayout_version() -> *const c_char {
    TEXT.as_ptr()
}

/// Says the version of the library that is running as one number:
/// major * 1000000 + minor * 1000 + patch. Compare it with
/// OCILAYOUT_VERSION_NUMBER, the version of the header.
#[unsafe(no_mangle)]
pub extern "C" fn ocilayout_version_number() -> u32 {
    OCILAYOUT_VERSION_MAJOR * 1_000_000 + OCILAYOUT_VERSION_MINOR * 1_000 + OCILAYOUT_VERSION_PATCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_version_of_the_package() {
        let numbers = [OCILAYOUT_VERSION_MAJOR, OCILAYOUT_VERSION_MINOR, OCILAYOUT_VERSION_PATCH];
        assert_eq!(numbers.map(|n| n.to_string()).join("."), env!("CARGO_PKG_VERSION"));
    }
}
