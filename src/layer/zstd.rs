//! Compression with zstd, by the threads of the reference implementation.
//!
//! It cuts the content into jobs of one size, and so what comes out does not depend on
//! how many threads there are; with none it would make another frame, so there is always
//! one.

use super::crew::{Crew, Hired};
use super::hashing::Hashed;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::memory;
use std::mem;
use std::sync::Arc;
use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective::{self, ZSTD_e_continue, ZSTD_e_end};
use zstd::zstd_safe::zstd_sys::ZSTD_strategy::ZSTD_fast;
use zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

/// What it is given first. A blob that is no longer is compressed without threads.
pub(super) const FIRST_PIECE: usize = 512 * 1024;

/// What it is given at once after that, and copies.
pub(super) const PIECE: usize = 128 * 1024;

/// The content of one job. By default it is three times as much, of which too little fits
/// into memory, and the last cores would wait long for each other.
const JOB: u32 = 3 * 1024 * 1024;

/// How much of the window a job looks back into the one before: a half, which more than
/// makes up for what smaller jobs lose.
const OVERLAP: u32 = 8;

/// The level that most layers are compressed with. One table of matches, of a size that stays
/// in the second cache, takes less time than the two of zstd's own choice; a window of 4 MiB,
/// twice its own, so that a job finds all that it looks back to, gains what that loses.
const TUNED_LEVEL: i32 = 3;
const TUNED: [CParameter; 5] = [
    CParameter::WindowLog(22),
    CParameter::OverlapSizeLog(7),
    CParameter::Strategy(ZSTD_fast),
    CParameter::HashLog(17),
    CParameter::MinMatch(6),
];

/// The most threads that the library takes.
const MOST_WORKERS: usize = 64;

pub(super) struct Zstd {
    frame: Frame,
    compressed: Vec<u8>,
    out: Hashed,
}

impl Zstd {
    pub(super) fn new(level: i32, crew: &Arc<Crew>, out: Hashed) -> Result<Self> {
        let compressed = memory::bytes(CCtx::out_size())?;
        Ok(Self { frame: Frame::new(level, crew)?, compressed, out })
    }

    pub(super) fn add(&mut self, piece: &[u8], last: bool) -> Result<()> {
        self.compress(piece, if last { ZSTD_e_end } else { ZSTD_e_continue })
    }

    pub(super) fn finish(self) -> Result<(Digest, u64)> {
        self.out.finish()
    }

    fn compress(&mut self, piece: &[u8], until: ZSTD_EndDirective) -> Result<()> {
        let mut input = InBuffer::around(piece);
        loop {
            let mut output = OutBuffer::around(self.compressed.as_mut_slice());
            let context = self.frame.context.as_mut().ok_or_else(gone)?;
            // Bytes can always be compressed, if there is memory for it.
            let left = context.compress_stream2(&mut output, &mut input, until);
            let left = left.map_err(|_| Error::Memory)?;
            self.out.write(output.as_slice())?;
            if input.pos() == piece.len() && (until == ZSTD_e_continue || left == 0) {
                return Ok(());
            }
        }
    }
}

/// A frame that is being made, and its threads.
struct Frame {
    /// There until it is dropped.
    context: Option<CCtx<'static>>,
    hired: Hired,
}

impl Frame {
    fn new(level: i32, crew: &Arc<Crew>) -> Result<Self> {
        let mut context = CCtx::try_create().ok_or(Error::Memory)?;
        let hired = crew.hire(MOST_WORKERS);
        let parameters = [
            CParameter::CompressionLevel(level),
            CParameter::NbWorkers(hired.threads() as u32),
            CParameter::JobSize(JOB),
            CParameter::OverlapSizeLog(OVERLAP),
        ];
        let tuned: &[_] = if level == TUNED_LEVEL { &TUNED } else { &[] };
        for parameter in parameters.iter().chain(tuned) {
            context.set_parameter(*parameter).map_err(|_| Error::Memory)?;
        }
        Ok(Self { context: Some(context), hired })
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        if !self.hired.crew().is_ours() {
            // A forked child has none of its threads, and would wait for them for ever.
            mem::forget(self.context.take());
        }
    }
}

fn gone() -> Error {
    Error::Internal("a frame of zstd was used after its end".to_owned())
}
