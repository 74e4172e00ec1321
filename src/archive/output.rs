//! What the archive is gathered in on its way out.
//!
//! Files are read right into it, behind their headers, so that small files cost
//! no writes and no copies of their own.

use crate::words::error::Result;
use crate::words::memory;
use std::io::{self, Write};

/// So many bytes are passed on at a time.
const SIZE: usize = 1024 * 1024;

pub(super) struct Output<W> {
    out: W,
    gathered: Vec<u8>,
    filled: usize,
}

impl<W: Write> Output<W> {
    pub(super) fn new(out: W) -> Result<Self> {
        Ok(Self { out, gathered: memory::bytes(SIZE)?, filled: 0 })
    }

    /// Room to be filled, for up to so many bytes. There is at least one.
    pub(super) fn room(&mut self, wanted: u64) -> io::Result<&mut [u8]> {
        // A small file is not worth two reads, nor a large one a short one.
        let wanted = usize::try_from(wanted).unwrap_or(SIZE).min(SIZE);
        if SIZE - self.filled < wanted.clamp(1, SIZE / 4) {
            self.pass_on()?;
        }
        let end = SIZE.min(self.filled + wanted.max(1));
        self.gathered.get_mut(self.filled..end).ok_or_else(overfull)
    }

    /// Says how much of the room was filled.
    pub(super) fn fill(&mut self, length: usize) {
        self.filled += length;
    }

    pub(super) fn zeros(&mut self, mut length: u64) -> io::Result<()> {
        while length > 0 {
            let room = self.room(length)?;
            room.fill(0);
            let filled = room.len();
            self.fill(filled);
            length -= filled as u64;
        }
        Ok(())
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.out.write_all(self.gathered.get(..self.filled).ok_or_else(overfull)?)?;
        self.filled = 0;
        Ok(())
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.room(bytes.len() as u64)?.write(bytes)?;
        self.fill(length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.out.flush()
    }
}

fn overfull() -> io::Error {
    io::Error::other("more was filled than there was room for")
}
