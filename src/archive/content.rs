//! The content of a file: what there is of it, without the holes, and its way into
//! the archive.

use super::node::Held;
use super::output::Output;
use super::{changed, refused};
use crate::words::error::{Error, Result};
use crate::words::memory;
use rustix::fs::SeekFrom;
use rustix::io::{Errno, retry_on_intr};
use std::io::Write;
use std::ops::Range;
use std::path::Path;

/// The blocks of an archive are of this size.
pub(super) const BLOCK: u64 = 512;

pub(super) fn size(held: &Held) -> u64 {
    u64::try_from(held.node.stat.st_size).unwrap_or(0)
}

/// Whether the file takes less room than its size asks for.
pub(super) fn has_holes(held: &Held) -> bool {
    u64::try_from(held.node.stat.st_blocks).unwrap_or(0).saturating_mul(BLOCK) < size(held)
}

/// The next bytes from `at` on that are there.
pub(super) fn data_from(held: &Held, at: u64, place: &Path) -> Result<Option<Range<u64>>> {
    let size = size(held);
    if at >= size || !has_holes(held) {
        return Ok((at < size).then_some(at..size));
    }
    let seek = |to| match retry_on_intr(|| rustix::fs::seek(held.fd(), to)) {
        Ok(offset) => Ok(Some(offset)),
        Err(Errno::NXIO) => Ok(None),
        // Not every file system knows its holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(at)),
        Err(error) => Err(refused("look for holes in", place, error)),
    };
    match seek(SeekFrom::Data(at))? {
        Some(start) if start < size => {
            let end = seek(SeekFrom::Hole(start))?.filter(|end| *end > start).unwrap_or(size);
            Ok(Some(start..end.min(size)))
        }
        _ => Ok(None),
    }
}

/// Where there is data, in whole blocks: readers of sparse files expect no others.
pub(super) fn map(held: &Held, place: &Path) -> Result<Vec<Range<u64>>> {
    let mut map: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    while let Some(data) = data_from(held, at, place)? {
        at = data.end;
        let start = data.start - data.start % BLOCK;
        let end = data.end.next_multiple_of(BLOCK).min(size(held));
        match map.last_mut() {
            Some(last) if last.end >= start => last.end = end,
            _ => memory::push(&mut map, start..end)?,
        }
    }
    Ok(map)
}

/// Writes the content in full.
pub(super) fn copy<W: Write>(held: &Held, place: &Path, out: &mut Output<W>) -> Result<()> {
    let mut at = 0;
    while let Some(data) = data_from(held, at, place)? {
        out.zeros(data.start - at).map_err(Error::from_writer)?;
        at = data.end;
        copy_range(held, data, place, out)?;
    }
    out.zeros(size(held) - at).map_err(Error::from_writer)
}

/// Writes the bytes of a range.
pub(super) fn copy_range<W: Write>(
    held: &Held,
    mut range: Range<u64>,
    place: &Path,
    out: &mut Output<W>,
) -> Result<()> {
    while !range.is_empty() {
        let room = out.room(range.end - range.start).map_err(Error::from_writer)?;
        let length = read(held, room, range.start, place)?;
        if length == 0 {
            return Err(changed(place));
        }
        out.fill(length);
        range.start += length as u64;
    }
    Ok(())
}

/// Reads some bytes; none at the end.
pub(super) fn read(held: &Held, room: &mut [u8], at: u64, place: &Path) -> Result<usize> {
    retry_on_intr(|| rustix::io::pread(held.fd(), &mut *room, at))
        .map_err(|error| refused("read", place, error))
}
