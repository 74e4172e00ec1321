//! Stopping calls from another thread than theirs.

use super::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether calls are to stop that look at it; by default nobody can ask them to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Option<Arc<AtomicBool>>);

impl Interrupt {
    /// One that can be asked for.
    pub(crate) fn possible() -> Self {
        Self(Some(Arc::default()))
    }

    pub(crate) fn is_possible(&self) -> bool {
        self.0.is_some()
    }

    /// Asks for it. Says whether that is possible.
    pub(crate) fn ask(&self) -> bool {
        self.0.as_ref().inspect(|asked| asked.store(true, Ordering::Relaxed)).is_some()
    }

    /// Fails once it was asked for.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.0 {
            Some(asked) if asked.load(Ordering::Relaxed) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}
