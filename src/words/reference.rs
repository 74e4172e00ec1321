//! References: the names of entries of `index.json`.
//!
//! image-spec, annotations.md, `org.opencontainers.image.ref.name`.

use super::error::{Error, Result};

/// The annotation that names an entry of `index.json`.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Checks a reference against the grammar of the image-spec, as a writer should.
///
/// Readers accept any: other tools write tags that are outside of it.
///
/// # Errors
/// [`Error::Invalid`] when it breaks the grammar.
pub fn check_reference(name: &str) -> Result<()> {
    if name.split('/').all(is_component) {
        return Ok(());
    }
    Err(Error::invalid(
        "reference",
        "letters and digits joined by single . _ : @ + / or by - or --",
        name,
    ))
}

fn is_component(text: &str) -> bool {
    let joined = text.replace("--", "-");
    !text.contains("---")
        && joined
            .split(['-', '.', '_', ':', '@', '+'])
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar() {
        for good in ["latest", "v1.0", "a/b/c", "registry.example:5000/x/y:1.2", "a@b+c", "a--b"] {
            assert!(check_reference(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "_x", "a__b", "a-", "a..b", "a---b", "a b", "é", "a\n", "a-_b"]
        {
            assert!(check_reference(bad).is_err(), "{bad}");
        }
    }
}
