//! A stage beside the way of a layer: it takes the pieces as they come, on another thread
//! where there is one with nothing to do.

use super::lane::{Lane, Stage};
use super::pieces::{Piece, Pieces};
use crate::words::error::Result;
use std::sync::Arc;

pub(super) struct Aside<S: Stage>(Arc<Lane<S>>);

impl<S: Stage<Piece = Piece> + Send + 'static> Aside<S> {
    pub(super) fn new(stage: S) -> Self {
        Self(Arc::new(Lane::new(stage)))
    }

    pub(super) fn add(&self, pieces: &Pieces, piece: &Piece) {
        let (lane, piece, place) = (Arc::clone(&self.0), piece.clone(), self.0.reserve());
        pieces.share(move || lane.bring(place, piece));
    }

    /// The stage, when it has taken all pieces.
    pub(super) fn finish(&self) -> Result<S> {
        self.0.finish()
    }
}
