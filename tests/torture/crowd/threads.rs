//! The crowd as threads of one process.

use super::Crowd;
use super::collector::collect_until;
use super::members::make;
use super::readers::look_until;
use ocilayout::OpenOptions;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Instant;

/// The members share this many handles.
pub fn run(crowd: Crowd, handles: usize) {
    let scratch = crowd.scratch();
    let path = scratch.path().join("layout");
    let open = |_| OpenOptions::new().create().durability(crowd.durability).open(&path).unwrap();
    let handles: Vec<_> = (0..handles).map(open).collect();

    let (begun, over) = (Instant::now(), AtomicBool::new(false));
    let (took, edits, reads) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| look_until(&over, &path));
        let collector = scope.spawn(|| collect_until(&over, &path));
        let members: Vec<_> = crowd
            .plans()
            .zip(handles.iter().cycle())
            .map(|(plan, layout)| {
                let edits = plan.edits(crowd.edits);
                scope.spawn(move || edits.iter().map(|edit| make(layout, edit)).collect::<Vec<_>>())
            })
            .collect();
        let members: Vec<_> = members.into_iter().map(ScopedJoinHandle::join).collect();
        let took = begun.elapsed();
        over.store(true, Ordering::Relaxed);
        let edits: Vec<_> = members.into_iter().flat_map(Result::unwrap).collect();
        collector.join().unwrap();
        (took, edits, reader.join().unwrap())
    });
    let how = format!("threads on {} handles", handles.len());
    crowd.report(&how, took, &edits, reads, &path);
    drop(handles);
    crowd.check(&path);
}
