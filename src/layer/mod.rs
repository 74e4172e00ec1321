//! Layers: from the bytes of a source to a stored blob, in one pass.

mod compression;
mod in_progress;
mod options;
mod writer;
mod zstd;

pub use compression::Compression;
pub(crate) use in_progress::InProgress;
pub use options::BlobOptions;
pub use writer::BlobWriter;
