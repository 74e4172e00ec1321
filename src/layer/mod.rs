//! Layers: from the bytes of a source to a stored blob, in one pass.

mod aside;
mod compression;
mod crew;
mod decoding;
mod gzip;
mod hashing;
mod in_progress;
mod lane;
mod member;
mod options;
mod pieces;
mod pipeline;
mod relief;
mod stock;
mod writer;
mod zstd;

pub use compression::{Compression, SourceCompression};
pub(crate) use crew::{Crew, Crews};
pub(crate) use decoding::SOURCE;
pub(crate) use in_progress::{Call, InProgress};
pub use options::BlobOptions;
pub(crate) use relief::{Relief, publish_all};
pub use writer::BlobWriter;
