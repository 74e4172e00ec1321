//! A reader of the crowd: looks at the layout again and again, while it is
//! edited, through the library and past it.

use super::outside;
use ocilayout::{Layout, Matcher};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A reader takes a rest between two looks, or two of them would take all of a
/// machine that has two processors.
const REST: Duration = Duration::from_millis(2);

/// How often it looked.
pub fn look_until(over: &AtomicBool, path: &Path) -> usize {
    let layout = Layout::open(path).unwrap();
    let mut looks = 0;
    while !over.load(Ordering::Relaxed) {
        look_past_the_library(path);
        look_through(&layout);
        looks += 2;
        std::thread::sleep(REST);
    }
    looks
}

fn look_past_the_library(path: &Path) {
    for entry in outside::entries(path) {
        match outside::blob(path, &entry.digest).metadata() {
            Ok(blob) => assert_eq!(blob.len(), entry.size, "{}", entry.digest),
            // It may have been collected since, when the entry had gone.
            Err(error) => {
                let is_listed = outside::entries(path).iter().any(|now| now.digest == entry.digest);
                assert!(!is_listed, "{} is listed: {error}", entry.digest);
            }
        }
    }
}

fn look_through(layout: &Layout) {
    let all = || layout.list(&Matcher::any()).unwrap();
    for entry in all() {
        match layout.blob_size(entry.digest()) {
            Ok(size) => assert_eq!(size, entry.size(), "{}", entry.digest()),
            Err(error) => {
                let is_listed = all().iter().any(|now| now.digest() == entry.digest());
                assert!(!is_listed, "{error}");
            }
        }
    }
}
