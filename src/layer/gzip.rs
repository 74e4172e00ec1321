//! Compression with gzip, many pieces at once.
//!
//! Each piece is a member of its own (RFC 1952, 2.2), so what comes out does not depend
//! on who compressed which. The header names no file, no time and no system.

use super::hashing::Hashed;
use super::lane::{Lane, Stage};
use super::member::Compressor;
use super::pieces::{Piece, Pieces};
use crate::words::digest::Digest;
use crate::words::error::Result;
use parking_lot::Mutex;
use std::sync::Arc;

/// The content of one member.
pub(super) const PIECE: usize = 1024 * 1024;

pub(super) struct Gzip {
    level: u32,
    /// Those that nobody uses right now.
    compressors: Arc<Mutex<Vec<Compressor>>>,
    out: Arc<Lane<Hashed>>,
}

/// A piece and what was made of it.
pub(super) struct Member {
    compressed: Vec<u8>,
    size: usize,
    of: Piece,
}

impl Gzip {
    pub(super) fn new(level: u32, out: Hashed) -> Self {
        Self { level, compressors: Arc::default(), out: Arc::new(Lane::new(out)) }
    }

    pub(super) fn add(&self, pieces: &Pieces, piece: &Piece) {
        let (out, compressors) = (Arc::clone(&self.out), Arc::clone(&self.compressors));
        let (level, piece, place) = (self.level, piece.clone(), self.out.reserve());
        pieces.submit(move || {
            let spare = compressors.lock().pop();
            let mut compressor = spare.map_or_else(|| Compressor::new(level), Ok)?;
            let mut compressed = piece.buffer(compressor.bound(piece.len()))?;
            let size = compressor.compress(&piece, &mut compressed)?;
            compressors.lock().push(compressor);
            out.bring(place, Member { compressed, size, of: piece })
        });
    }

    pub(super) fn finish(&self) -> Result<(Digest, u64)> {
        self.out.finish()?.finish()
    }
}

impl Stage for Hashed {
    type Piece = Member;

    fn take(&mut self, member: Member) -> Result<()> {
        self.write(member.compressed.get(..member.size).unwrap_or_default())?;
        member.of.reuse(member.compressed);
        Ok(())
    }
}
