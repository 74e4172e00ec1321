//! The words of the image-spec: everything else is said in them.

pub(crate) mod changes;
pub(crate) mod config;
pub(crate) mod descriptor;
pub(crate) mod digest;
pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod index_change;
pub(crate) mod index_text;
pub(crate) mod interrupt;
pub(crate) mod json;
pub(crate) mod media_type;
pub(crate) mod memory;
mod piece;
pub(crate) mod places;
pub(crate) mod platform;
pub(crate) mod reference;
pub(crate) mod watch;
