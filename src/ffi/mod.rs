//! The C ABI: a shim over the core, one file for each kind of object.
//!
//! Every exported function does the same three things: it takes its arguments
//! out of C's pointers (`argument`), calls the core, and hands the outcome back
//! (`guard`). What C has to know is said in the comments of the functions, from
//! which the header is made; what holds for all of them stands in
//! `cbindgen.toml`.
//!
//! The functions are public so that the tests of this crate can call them as C
//! does; they are no part of its Rust interface.

#![allow(rustdoc::broken_intra_doc_links, reason = "the comments are written for the header")]

mod argument;
mod guard;
mod handle;

pub mod archive;
pub mod blob;
pub mod blob_options;
pub mod blob_reader;
pub mod blob_writer;
pub mod bytes;
pub mod callback;
pub mod collect;
pub mod descriptor;
pub mod descriptors;
pub mod edit;
pub mod error;
pub mod image;
pub mod index;
pub mod interrupt;
pub mod layout;
pub mod lookup;
pub mod matching;
pub mod progress;
pub mod sources;
pub mod transaction;
pub mod tree;
pub mod upkeep;
pub mod verify;
pub mod version;

#[cfg(panic = "abort")]
compile_error!("the C ABI promises that no panic ends the host: build with panic = \"unwind\"");
