//! One stage of a layer's way, which takes piece after piece in their order while what
//! comes before it works on many at once.

use crate::words::error::{Error, Result};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// What takes the pieces.
pub(super) trait Stage {
    type Piece;

    fn take(&mut self, piece: Self::Piece) -> Result<()>;
}

/// A stage and the places of those pieces that it has not taken yet.
///
/// Nobody waits for it: who brings the piece that is due works off all that has come
/// after it, and who brings another one leaves it in its place.
pub(super) struct Lane<S: Stage>(Mutex<Line<S>>);

struct Line<S: Stage> {
    /// Gone while someone works with it, and after an error.
    stage: Option<S>,
    places: VecDeque<Option<S::Piece>>,
    first: u64,
}

/// The place of one piece.
pub(super) struct Place(u64);

impl<S: Stage> Lane<S> {
    pub(super) fn new(stage: S) -> Self {
        Self(Mutex::new(Line { stage: Some(stage), places: VecDeque::new(), first: 0 }))
    }

    /// The next place, for a piece that is brought later.
    pub(super) fn reserve(&self) -> Place {
        let mut line = self.0.lock();
        line.places.push_back(None);
        Place(line.first + line.places.len() as u64 - 1)
    }

    /// Brings a piece to its place. An error is the stage's, which is then gone.
    pub(super) fn bring(&self, place: Place, piece: S::Piece) -> Result<()> {
        let mut line = self.0.lock();
        let index = (place.0 - line.first) as usize;
        if let Some(empty) = line.places.get_mut(index) {
            *empty = Some(piece);
        }
        let Some(mut stage) = line.stage.take() else { return Ok(()) };
        while let Some(Some(piece)) = line.places.front_mut().map(Option::take) {
            line.places.pop_front();
            line.first += 1;
            drop(line);
            stage.take(piece)?;
            line = self.0.lock();
        }
        line.stage = Some(stage);
        Ok(())
    }

    /// The stage, when all pieces were brought.
    pub(super) fn finish(&self) -> Result<S> {
        let mut line = self.0.lock();
        let stage = line.stage.take().filter(|_| line.places.is_empty());
        stage.ok_or_else(|| Error::Internal("a piece of a blob was not worked off".to_owned()))
    }
}
