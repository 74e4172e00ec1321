//! Upkeep: what a layout needs when it has been in use for long.

mod unreferenced;
