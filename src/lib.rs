//! Writes OCI image layouts: directories of images that every tool can read.
//!
//! A [`Layout`] is opened once and shared by any number of threads. Blobs are
//! hashed while they are written and appear whole or not at all; edits of
//! `index.json` are single steps that no writer loses.
//!
//! ```
//! use ocilayout::{Append, BlobOptions, Compression, ImageBuilder, OpenOptions, Platform};
//!
//! # fn main() -> ocilayout::Result<()> {
//! # let scratch = tempfile::tempdir().unwrap();
//! # let path = scratch.path().join("layout");
//! # let tar: &[u8] = &[0; 1024];
//! let layout = OpenOptions::new().create().open(path)?;
//! let gzip = BlobOptions::new().compression(Compression::gzip(None)?);
//! let layer = layout.put(tar, &gzip)?;
//!
//! let mut image = ImageBuilder::new(&layout);
//! image.platform(&"linux/amd64".parse()?)?.layer(&layer, None, Some("example"))?;
//! let mut entry = image.finish()?;
//!
//! entry.set_reference("latest")?;
//! layout.append(&entry, Append::new())?;
//! # let platform: Platform = "linux/amd64".parse()?;
//! # assert_eq!(layout.resolve("latest", Some(&platform))?.digest(), entry.digest());
//! # Ok(())
//! # }
//! ```
//!
//! The same is there for C: see `include/ocilayout.h`.

#![warn(missing_docs, unreachable_pub)]
// A panic in a host's process is a bug of ours.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(not(target_os = "linux"))]
compile_error!("ocilayout needs Linux; see \"Platforms\" in ARCHITECTURE.md");

// The floors, each using only those above it in this list.
mod words;

mod archive;

mod store;

mod layer;

mod layout;

mod upkeep;

#[allow(unsafe_code, reason = "C's pointers are taken and given here, and nowhere else")]
#[allow(non_camel_case_types, reason = "the names are those of the C header")]
#[allow(clippy::missing_safety_doc, reason = "the header is the contract of every function")]
#[doc(hidden)]
pub mod ffi;

pub use archive::{DirectoryOptions, OwnerMap, Owners};
pub use layer::{BlobOptions, BlobWriter, Compression, SourceCompression};
pub use layout::{
    Append, BlobSource, CustomMatcher, ImageBuilder, IndexBuilder, Layout, Matcher, Missing,
    OpenOptions, Source, Transaction,
};
pub use store::{BlobReader, Durability};
pub use upkeep::{CollectOptions, Collected, Fate, Finding, FindingKind, VerifyOptions};
pub use words::descriptor::{Annotations, Descriptor};
pub use words::digest::{Algorithm, Digest};
pub use words::error::{Error, Result};
pub use words::media_type::MediaType;
pub use words::platform::Platform;
pub use words::reference::{REF_NAME, check_reference};
pub use words::watch::{Progress, Watch};
