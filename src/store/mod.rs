//! The store: files that appear whole or not at all.

mod blobs;
mod directory;
pub(crate) mod files;
mod incoming;
mod lock;
mod reader;
mod temp;

pub(crate) use blobs::Store;
pub(crate) use directory::{Directory, Links};
pub(crate) use incoming::{Demands, Incoming};
pub use reader::BlobReader;
