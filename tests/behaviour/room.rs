//! Disks that are short of room, of whatever kind: what is not made changes
//! nothing, and is made on the same handle once there is room.

use crate::api::{Api, Append, CREATE, Kind, Matcher, Options, Outcome, Source};
use crate::both;
use crate::fixture::{INDEX, assert_clean, image, snapshot};
use crate::mounts::Disk;
use crate::support::{have_tools, run};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

both!(bytes_in_memory, bytes_on_ext4, bytes_on_xfs, bytes_of_a_quota, inodes,);

/// What fills a disk but for a little.
trait Filler {
    /// Leaves this much, and not enough for one more.
    fn leave(&self, units: u64);
    fn give_back(&self);
}

/// Fills it with bytes, in units of this size.
struct Bytes {
    file: File,
    unit: u64,
}

impl Bytes {
    fn new(folder: &Path, unit: u64) -> Self {
        Self { file: File::create(folder.join("filler")).unwrap(), unit }
    }
}

impl Filler for Bytes {
    fn leave(&self, units: u64) {
        use rustix::fs::{FallocateFlags, fallocate};
        let mut length = self.file.metadata().unwrap().len();
        for piece in [16 << 20, 1 << 20, self.unit] {
            while fallocate(&self.file, FallocateFlags::empty(), length, piece).is_ok() {
                length += piece;
            }
        }
        self.file.set_len(length.saturating_sub(units * self.unit)).unwrap();
    }

    fn give_back(&self) {
        self.file.set_len(0).unwrap();
    }
}

/// Fills it with files that have nothing in them.
struct Inodes(PathBuf);

impl Inodes {
    fn new(folder: &Path) -> Self {
        let files = folder.join("files");
        std::fs::create_dir(&files).unwrap();
        Self(files)
    }

    fn file(&self, n: u64) -> PathBuf {
        self.0.join(n.to_string())
    }
}

impl Filler for Inodes {
    fn leave(&self, units: u64) {
        let made = (0..).take_while(|n| File::create(self.file(*n)).is_ok()).count() as u64;
        (made.saturating_sub(units)..made)
            .for_each(|n| std::fs::remove_file(self.file(n)).unwrap());
    }

    fn give_back(&self) {
        std::fs::remove_dir_all(&self.0).unwrap();
        std::fs::create_dir(&self.0).unwrap();
    }
}

/// A call that writes, by its name, made for the n-th time.
type Call<A> = (&'static str, fn(&A, usize) -> Outcome<()>);

fn calls<A: Api>() -> [Call<A>; 6] {
    [
        ("push a blob", |layout, n| {
            let content = vec![n as u8; 20_000 + n];
            layout.put(Source::Push(&content, 5000), &Options::default()).map(drop)
        }),
        ("compress a blob", |layout, n| {
            let gzip = Options { gzip: Some(1), ..Options::default() };
            let mut random = fastrand::Rng::with_seed(n as u64);
            let content: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(20_000).collect();
            layout.put(Source::Memory(&content), &gzip).map(drop)
        }),
        ("put a manifest", |layout, n| {
            let text = format!("{n:9000}");
            let index = serde_json::json!({
                "schemaVersion": 2, "manifests": [], "annotations": { "text": text },
            });
            layout.put_manifest(index.to_string().as_bytes(), Some(INDEX), false).map(drop)
        }),
        ("append", |layout, n| {
            let x = layout.resolve("x", None)?;
            layout.append(&x, Some(&format!("appended{n}")), Append::default())
        }),
        ("replace", |layout, n| {
            let x = layout.resolve("x", None)?;
            let (old, new) = (format!("replaced{n}"), format!("replaced{}", n + 1));
            layout.replace(&Matcher::Name(&old), &x, Some(&new)).map(drop)
        }),
        ("commit", |layout, n| {
            let transaction = layout.begin()?;
            let x = transaction.resolve("x", None)?;
            for name in ["one", "two", "three"] {
                transaction.append(&x, Some(&format!("{name}{n}")), Append::default())?;
            }
            transaction.commit()
        }),
    ]
}

/// Makes each call with no room, and again with a little more, until there is
/// enough. After each failure nothing has changed, and with room it is made on
/// the same handle.
fn every_level<A: Api>(folder: &Path, filler: &impl Filler, errno: i32) {
    let path = folder.join("layout");
    let layout = A::open(&path, CREATE).unwrap();
    layout.append(&image(&layout, "x"), Some("x"), Append::default()).unwrap();
    let (calls, mut failures) = (calls::<A>(), 0);
    for (name, call) in &calls {
        for units in 0.. {
            assert!(units < 100, "{name}: never made");
            filler.leave(units);
            let before = snapshot(&path);
            let outcome = call(&layout, units as usize);
            let after = snapshot(&path);
            filler.give_back();
            let Err(failure) = outcome else { break };
            failures += 1;
            let what = format!("{name} with {units} left: {}", failure.message);
            assert_eq!((failure.kind, failure.errno), (Kind::Io, errno), "{what}");
            assert!(failure.message.contains(path.to_str().unwrap()), "{what}");
            assert_eq!(after, before, "{what}");
            call(&layout, units as usize).expect(&what);
        }
    }
    assert!(failures >= calls.len(), "there was room all the time");
    assert_clean(&path);
}

fn bytes_in_memory<A: Api>() {
    let Some(disk) = Disk::new("size=1m") else { return };
    every_level::<A>(disk.path(), &Bytes::new(disk.path(), 4096), libc::ENOSPC);
}

fn bytes_on_ext4<A: Api>() {
    let mkfs = ["mkfs.ext4", "-q", "-m", "0"];
    let Some(disk) = Disk::formatted(&mkfs, 16 << 20, "errors=remount-ro") else { return };
    every_level::<A>(disk.path(), &Bytes::new(disk.path(), 4096), libc::ENOSPC);
}

fn bytes_on_xfs<A: Api>() {
    let Some(disk) = Disk::formatted(&["mkfs.xfs", "-q"], 320 << 20, "noatime") else { return };
    every_level::<A>(disk.path(), &Bytes::new(disk.path(), 4096), libc::ENOSPC);
}

fn bytes_of_a_quota<A: Api>() {
    if !have_tools(&["btrfs"]) {
        return;
    }
    let mkfs = ["mkfs.btrfs", "-q"];
    let Some(disk) = Disk::formatted(&mkfs, 128 << 20, "noatime") else { return };
    let folder = disk.path().join("limited");
    run(Command::new("btrfs").args(["quota", "enable"]).arg(disk.path()));
    run(Command::new("btrfs").args(["subvolume", "create"]).arg(&folder));
    run(Command::new("btrfs").args(["qgroup", "limit", "4m"]).arg(&folder));
    every_level::<A>(&folder, &Bytes::new(&folder, 64 << 10), libc::EDQUOT);
}

fn inodes<A: Api>() {
    let Some(disk) = Disk::new("size=16m,nr_inodes=50") else { return };
    every_level::<A>(disk.path(), &Inodes::new(disk.path()), libc::ENOSPC);
}
