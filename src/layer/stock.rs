//! Memory for the pieces of all blobs of one crew, which is used again and again.

use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(super) struct Stock(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many blobs are being made.
    blobs: usize,
    /// How many pieces are in work.
    pieces: usize,
    spare: Vec<Vec<u8>>,
}

impl Stock {
    pub(super) fn begin_blob(&self) {
        self.0.lock().blobs += 1;
    }

    /// With the last one the memory goes.
    pub(super) fn end_blob(&self) {
        let mut state = self.0.lock();
        state.blobs -= 1;
        if state.blobs == 0 {
            state.spare = Vec::new();
        }
    }

    pub(super) fn pieces(&self) -> usize {
        self.0.lock().pieces
    }

    pub(super) fn begin_piece(&self) {
        self.0.lock().pieces += 1;
    }

    /// Whoever has read a piece passes here before another writes into its memory: a
    /// sanitizer sees a lock, and not the fence by which an Arc orders the two.
    pub(super) fn let_go(&self) {
        drop(self.0.lock());
    }

    pub(super) fn end_piece(&self, bytes: Vec<u8>) {
        let mut state = self.0.lock();
        state.pieces -= 1;
        state.spare.push(bytes);
    }

    pub(super) fn take(&self) -> Vec<u8> {
        self.0.lock().spare.pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, buffer: Vec<u8>) {
        self.0.lock().spare.push(buffer);
    }
}
