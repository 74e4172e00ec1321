//! Upkeep: what a layout needs when it has been in use for long.

mod collect;
mod cores;
mod finding;
mod garbage;
mod marks;
mod record;
mod unreferenced;
mod verify;
mod walk;

pub use collect::{CollectOptions, Collected, Fate};
pub use finding::{Finding, FindingKind};
pub use verify::VerifyOptions;
