//! Compression with gzip, many pieces at once.
//!
//! Each piece is a member of its own (RFC 1952, 2.2), so what comes out does not depend
//! on who compressed which. The header names no file, no time and no system.

use super::hashing::Hashed;
use super::lane::{Lane, Stage};
use super::pieces::{Piece, Pieces};
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use libdeflater::{CompressionLvl, Compressor};
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
    of: Arc<Piece>,
}

impl Gzip {
    pub(super) fn new(level: u32, out: Hashed) -> Self {
        Self { level, compressors: Arc::default(), out: Arc::new(Lane::new(out)) }
    }

    pub(super) fn add(&self, pieces: &Pieces, piece: &Arc<Piece>) {
        let (out, compressors) = (Arc::clone(&self.out), Arc::clone(&self.compressors));
        let (level, piece, place) = (self.level, Arc::clone(piece), self.out.reserve());
        pieces.submit(move || {
            let spare = compressors.lock().pop();
            let mut compressor = spare.map_or_else(|| new_compressor(level), Ok)?;
            let mut compressed = piece.buffer(compressor.gzip_compress_bound(piece.len()))?;
            let size = compressor
                .gzip_compress(&piece, &mut compressed)
                .map_err(|error| Error::Internal(error.to_string()))?;
            compressors.lock().push(compressor);
            out.bring(place, Member { compressed, size, of: piece })
        });
    }

    pub(super) fn finish(&self) -> Result<(Digest, u64)> {
        self.out.finish()?.finish()
    }
}

fn new_compressor(level: u32) -> Result<Compressor> {
    let level = i32::try_from(level).ok().and_then(|level| CompressionLvl::new(level).ok());
    level.map(Compressor::new).ok_or_else(|| Error::Internal("a level of gzip".to_owned()))
}

impl Stage for Hashed {
    type Piece = Member;

    fn take(&mut self, member: Member) -> Result<()> {
        self.write(member.compressed.get(..member.size).unwrap_or_default())?;
        member.of.reuse(member.compressed);
        Ok(())
    }
}
