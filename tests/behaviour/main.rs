//! What a layout does, told once and run twice: through the crate and through
//! the C ABI.

#[path = "../support/mod.rs"]
mod support;

#[allow(unsafe_code, reason = "the tests call the C ABI as C does")]
mod abi;
mod api;
mod core;
mod fixture;
mod mounts;

mod archive_changes;
mod archive_options;
mod archives;
mod at_once;
mod blobs;
mod collect;
mod concurrency;
mod decoding;
mod disk;
mod edits;
mod files;
mod foreign;
mod given_up;
mod hostile;
mod hosts;
mod images;
mod interrupts;
mod known;
mod layers;
mod locks;
mod lookup;
mod matching;
mod progress;
mod room;
mod shared;
mod small;
mod sources;
mod transactions;
mod trees;
mod trusted;
mod verify;
mod verify_beside;
mod verify_documents;
mod verify_files;
mod watched;

/// Makes two tests of each function that is generic over the interface.
#[macro_export]
macro_rules! both {
    ($($test:ident),* $(,)?) => {
        mod through_core {
            $(#[test] fn $test() { super::$test::<$crate::core::Core>(); })*
        }
        mod through_abi {
            $(#[test] fn $test() { super::$test::<$crate::abi::Abi>(); })*
        }
    };
}
