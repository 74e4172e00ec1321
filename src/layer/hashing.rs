//! The stages that hash: for the diff ID, and for the digest of what is stored.

use super::lane::Stage;
use super::pieces::Piece;
use crate::store::{Demands, Incoming, Store};
use crate::words::digest::{Digest, Hasher};
use crate::words::error::Result;
use std::sync::Arc;

impl Stage for Hasher {
    type Piece = Piece;

    fn take(&mut self, piece: Piece) -> Result<()> {
        self.update(&piece);
        Ok(())
    }
}

/// A blob that is hashed while it is written.
pub(super) struct Hashed {
    incoming: Incoming,
    hasher: Hasher,
}

impl Hashed {
    pub(super) fn new(store: &Arc<Store>, demands: Demands) -> Result<Self> {
        let hasher = Hasher::new(demands.algorithm()?);
        Ok(Self { incoming: Incoming::new(store, demands)?, hasher })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.incoming.write(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(Digest, u64)> {
        let digest = self.hasher.finish();
        let size = self.incoming.finish(&digest)?;
        Ok((digest, size))
    }
}
