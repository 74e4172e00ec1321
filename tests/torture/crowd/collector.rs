//! A collector of the crowd: removes garbage again and again, while others make
//! it and put what they have not named yet.

use ocilayout::{CollectOptions, Fate, OpenOptions};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const REST: Duration = Duration::from_millis(20);

/// How many blobs it removed.
pub fn collect_until(over: &AtomicBool, path: &Path) -> usize {
    let layout = OpenOptions::new().open(path).unwrap();
    let at_once = CollectOptions::new().grace(Duration::ZERO);
    let mut removed = 0;
    while !over.load(Ordering::Relaxed) {
        let collected = layout.collect(&at_once).unwrap();
        removed += collected.iter().filter(|blob| blob.fate() == Fate::Removed).count();
        std::thread::sleep(REST);
    }
    removed
}
