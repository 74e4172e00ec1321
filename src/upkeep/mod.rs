//! Upkeep: what a layout needs when it has been in use for long.

mod collect;
mod garbage;
mod marks;
mod unreferenced;

pub use collect::{CollectOptions, Collected, Fate};
