//! Compression with zstd that says when there is no memory for it: the encoder of
//! the crate ends in a panic then.

use crate::words::error::{Error, Result};
use crate::words::memory;
use std::io::{self, ErrorKind, Write};
use zstd::stream::raw::{CParameter, InBuffer, Operation, OutBuffer, WriteBuf};
use zstd::stream::zio::Writer;
use zstd::zstd_safe::{CCtx, SafeResult};

/// What is written to it comes out compressed.
pub(super) type Encoder<W> = Writer<W, Compress>;

/// A frame that is being made.
pub(super) struct Compress(CCtx<'static>);

pub(super) fn encoder<W: Write>(out: W, level: i32) -> Result<Encoder<W>> {
    let mut context = CCtx::try_create().ok_or(Error::Memory)?;
    context.set_parameter(CParameter::CompressionLevel(level)).map_err(|_| Error::Memory)?;
    let output = memory::room(CCtx::out_size())?;
    Ok(Writer::with_output_buffer(output, out, Compress(context)))
}

impl Operation for Compress {
    fn run<C: WriteBuf + ?Sized>(
        &mut self,
        input: &mut InBuffer<'_>,
        output: &mut OutBuffer<'_, C>,
    ) -> io::Result<usize> {
        done(self.0.compress_stream(output, input))
    }

    fn flush<C: WriteBuf + ?Sized>(&mut self, output: &mut OutBuffer<'_, C>) -> io::Result<usize> {
        done(self.0.flush_stream(output))
    }

    fn finish<C: WriteBuf + ?Sized>(
        &mut self,
        output: &mut OutBuffer<'_, C>,
        _: bool,
    ) -> io::Result<usize> {
        done(self.0.end_stream(output))
    }
}

/// Bytes can always be compressed, if there is memory for it.
fn done(result: SafeResult) -> io::Result<usize> {
    result.map_err(|_| ErrorKind::OutOfMemory.into())
}
