//! The store: files that appear whole or not at all.

mod batch;
mod blob_directories;
mod blobs;
mod collection;
mod directory;
mod durability;
mod file_size;
pub(crate) mod files;
mod held;
mod incoming;
mod keeping;
mod lock;
mod placing;
mod reader;
mod round;
mod stage;
mod survey;
mod syncfs;
mod temp;
mod version;

pub(crate) use blobs::Store;
pub(crate) use directory::{Directory, Links};
pub use durability::Durability;
pub(crate) use incoming::{Demands, Incoming};
pub use reader::BlobReader;
pub(crate) use round::Round;
pub(crate) use survey::{Survey, blob_path};
pub(crate) use version::{State, Version};
