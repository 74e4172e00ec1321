//! The layout: blobs by name, and what `index.json` says of them.

mod edits;
mod image;
mod index;
mod lookup;
mod matcher;
mod open;
mod tree;

pub use edits::Append;
pub use image::ImageBuilder;
pub use index::IndexBuilder;
pub use matcher::{CustomMatcher, Matcher};
pub use open::{Layout, OpenOptions};
pub(crate) use tree::check_depth;
pub use tree::{BlobSource, Missing};
