//! Whether one `syncfs` can stand for an `fsync` of each file.

use std::os::fd::AsFd;

/// The magic numbers, of 32 bits each, of file systems whose `syncfs` waits for the disk. In FUSE
/// it does nothing, and says that it went well; of network file systems nobody
/// has promised it.
const EXT: u32 = 0xEF53;
const XFS: u32 = 0x5846_5342;
const BTRFS: u32 = 0x9123_683E;
const F2FS: u32 = 0xF2F5_2010;
const TMPFS: u32 = 0x0102_1994;

/// Since this version of Linux `syncfs` tells of writes that have failed.
const TELLS_ERRORS: (u32, u32) = (5, 8);

pub(super) fn can_be_trusted(place: impl AsFd) -> bool {
    let known = rustix::fs::fstatfs(place).is_ok_and(|file_system| {
        [EXT, XFS, BTRFS, F2FS, TMPFS].contains(&(file_system.f_type as u32))
    });
    known && kernel().is_some_and(|version| version >= TELLS_ERRORS)
}

fn kernel() -> Option<(u32, u32)> {
    let name = rustix::system::uname();
    let mut numbers = name.release().to_str().ok()?.split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
