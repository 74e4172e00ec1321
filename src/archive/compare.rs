//! Whether a file is what it was before.

use super::node::{Held, Node};
use super::options::DirectoryOptions;
use super::{content, identity};
use crate::words::error::Result;
use crate::words::memory;
use rustix::fs::FileType;
use std::path::Path;

/// So much of each file is looked at at a time.
const PIECE: usize = 256 * 1024;

/// Compares two trees' files, in memory that is used again and again.
pub(super) struct Comparer<'a> {
    upper: Vec<u8>,
    lower: Vec<u8>,
    go_on: &'a dyn Fn() -> Result<()>,
}

/// Whether an archive would tell the same of both, content aside.
pub(super) fn same_metadata(upper: &Node, lower: &Node, options: &DirectoryOptions) -> bool {
    let told = |node: &Node| {
        let stat = &node.stat;
        let device = matches!(node.kind(), FileType::CharacterDevice | FileType::BlockDevice);
        let mtime = options.told_time(stat.st_mtime);
        (stat.st_mode, stat.st_uid, stat.st_gid, mtime, device.then_some(stat.st_rdev))
    };
    told(upper) == told(lower) && upper.xattrs == lower.xattrs && upper.target == lower.target
}

impl<'a> Comparer<'a> {
    /// Asks `go_on` before each piece, since nothing is written while all is the same.
    pub(super) fn new(go_on: &'a dyn Fn() -> Result<()>) -> Result<Self> {
        Ok(Self { upper: memory::bytes(PIECE)?, lower: memory::bytes(PIECE)?, go_on })
    }

    /// Whether an archive would tell the same of both.
    pub(super) fn same(
        &mut self,
        (upper, upper_place): (&Held, &Path),
        (lower, lower_place): (&Held, &Path),
        options: &DirectoryOptions,
    ) -> Result<bool> {
        if identity(&upper.node.stat) == identity(&lower.node.stat) {
            return Ok(true);
        }
        if !same_metadata(&upper.node, &lower.node, options) {
            return Ok(false);
        }
        if upper.node.kind() != FileType::RegularFile {
            return Ok(true);
        }
        let same = content::size(upper) == content::size(lower)
            && self.same_content((upper, upper_place), (lower, lower_place))?;
        upper.check_still(upper_place)?;
        lower.check_still(lower_place)?;
        Ok(same)
    }

    fn same_content(
        &mut self,
        (upper, upper_place): (&Held, &Path),
        (lower, lower_place): (&Held, &Path),
    ) -> Result<bool> {
        let (mut at, size) = (0, content::size(upper));
        while at < size {
            (self.go_on)()?;
            let upper = fill(upper, &mut self.upper, at, size, upper_place)?;
            let lower = fill(lower, &mut self.lower, at, size, lower_place)?;
            if upper != lower {
                return Ok(false);
            }
            at += upper.len().max(1) as u64;
        }
        Ok(true)
    }
}

/// Reads the next piece, as much of it as there is.
fn fill<'a>(
    held: &Held,
    piece: &'a mut [u8],
    at: u64,
    size: u64,
    place: &Path,
) -> Result<&'a [u8]> {
    let wanted = usize::try_from(size - at).unwrap_or(PIECE).min(PIECE);
    let mut filled = 0;
    while filled < wanted {
        let room = piece.get_mut(filled..wanted).unwrap_or_default();
        match content::read(held, room, at + filled as u64, place)? {
            0 => break,
            length => filled += length,
        }
    }
    Ok(piece.get(..filled).unwrap_or_default())
}
