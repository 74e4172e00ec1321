//! Layers: from the bytes of a source to a stored blob, in one pass.

mod compression;
mod crew;
mod gzip;
mod hashing;
mod in_progress;
mod lane;
mod options;
mod pieces;
mod writer;
mod zstd;

pub use compression::Compression;
pub(crate) use crew::{Crew, Crews};
pub(crate) use in_progress::{Call, InProgress};
pub use options::BlobOptions;
pub use writer::BlobWriter;
