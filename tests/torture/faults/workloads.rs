//! What the writers do that are killed and refused, and the layouts that they
//! find.

use super::trace;
use ocilayout::{
    Append, BlobOptions, CollectOptions, Descriptor, Durability, Error, ImageBuilder, Layout,
    Matcher, MediaType, OpenOptions, Result,
};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

pub struct Workload {
    pub name: &'static str,
    /// Makes what the writer finds at the path of the layout.
    pub before: fn(&Path) -> Result<()>,
    pub work: fn(&Path) -> Result<()>,
    /// How many of its points there is time for in a test.
    pub tried: usize,
}

const ALL: usize = usize::MAX;

pub const WORKLOADS: &[Workload] = &[
    Workload { name: "create", before: nothing, work: create, tried: ALL },
    Workload { name: "put one", before: three_images, work: put_one, tried: ALL },
    Workload { name: "append", before: three_images, work: append, tried: ALL },
    Workload { name: "replace", before: three_images, work: replace, tried: 300 },
    Workload { name: "remove", before: three_images, work: remove, tried: ALL },
    Workload { name: "sweep", before: a_killed_writer, work: append, tried: 300 },
    Workload { name: "collect", before: three_images, work: collect, tried: 600 },
    Workload { name: "few in a transaction", before: three_images, work: few, tried: 400 },
    Workload { name: "put many", before: three_images, work: put_many, tried: 200 },
    Workload { name: "many in a transaction", before: three_images, work: many, tried: 48 },
];

/// Writers that do wrong, to see that this is noticed.
pub const IN_PLACE: &Workload =
    &Workload { name: "in place", before: three_images, work: in_place, tried: ALL };
pub const DEAF: &Workload =
    &Workload { name: "deaf", before: three_images, work: deaf, tried: ALL };

pub fn named(name: &str) -> &'static Workload {
    let mut all = WORKLOADS.iter().chain([IN_PLACE, DEAF]);
    all.find(|workload| workload.name == name).expect("the name of a workload")
}

/// The writer. How it exits says how it went, also where it may not write.
pub fn write(workload: &str, layout: &Path) -> ExitCode {
    match (named(workload).work)(layout) {
        Ok(()) => {
            let _ = writeln!(std::io::stdout(), "acknowledged");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// What comes after a writer that was stopped: one that nothing stops. It adds
/// an image, whose name and digest it gives.
pub fn write_after(layout: &Path) -> Result<(Option<String>, String)> {
    let layout = OpenOptions::new().create().durability(Durability::None).open(layout)?;
    let entry = image(&layout, &layer(&layout)?, "next")?;
    layout.append(&entry, Append::new())?;
    Ok((Some("next".to_owned()), entry.digest().to_string()))
}

fn nothing(_layout: &Path) -> Result<()> {
    Ok(())
}

fn three_images(path: &Path) -> Result<()> {
    let layout = OpenOptions::new().create_new().open(path)?;
    let layer = layer(&layout)?;
    for name in ["one", "two", "three"] {
        layout.append(&image(&layout, &layer, name)?, Append::new())?;
    }
    layout.put(&b"nothing points at this"[..], &BlobOptions::new())?;
    image(&layout, &layer, "in-no-index").map(drop)
}

/// The same, and what a writer leaves that is killed when it replaces
/// `index.json`.
fn a_killed_writer(path: &Path) -> Result<()> {
    three_images(path)?;
    let killing = "renameat,renameat2:signal=KILL:when=1";
    let run = trace::run_with(killing, "renameat,renameat2", "append", path);
    assert!(run.killed(), "the writer was not killed: {}", run.error());
    let found = fs::read_dir(path).unwrap().count();
    assert!(found > 3, "{path:?}: the killed writer left nothing behind");
    Ok(())
}

fn create(path: &Path) -> Result<()> {
    OpenOptions::new().create().open(path).map(drop)
}

/// A blob of several writes.
fn put_one(path: &Path) -> Result<()> {
    let content = vec![b'x'; 300 << 10];
    Layout::open(path)?.put(content.as_slice(), &BlobOptions::new()).map(drop)
}

fn put_many(path: &Path) -> Result<()> {
    let layout = Layout::open(path)?;
    (0..64)
        .try_for_each(|n| layout.put(format!("blob {n}").as_bytes(), &BlobOptions::new()).map(drop))
}

fn append(path: &Path) -> Result<()> {
    let layout = Layout::open(path)?;
    layout.append(&one_named(&layout, "four")?, Append::new())
}

fn replace(path: &Path) -> Result<()> {
    let layout = Layout::open(path)?;
    let entry = one_named(&layout, "two")?;
    layout.replace(&Matcher::reference("two"), &entry, Append::new()).map(drop)
}

fn remove(path: &Path) -> Result<()> {
    Layout::open(path)?.remove(&Matcher::reference("two")).map(drop)
}

fn collect(path: &Path) -> Result<()> {
    let at_once = CollectOptions::new().grace(Duration::ZERO);
    Layout::open(path)?.collect(&at_once).map(drop)
}

/// Few enough blobs to be waited for one by one.
fn few(path: &Path) -> Result<()> {
    transaction(path, 3)
}

fn many(path: &Path) -> Result<()> {
    transaction(path, 1000)
}

/// On one thread, since several make their calls in another order each time.
fn transaction(path: &Path, images: usize) -> Result<()> {
    let layout = Layout::open(path)?;
    layout.set_threads(1);
    let transaction = layout.begin()?;
    let layer = layer(&transaction)?;
    for n in 0..images {
        let entry = image(&transaction, &layer, &format!("image-{n}"))?;
        transaction.append(&entry, Append::new())?;
    }
    transaction.commit()
}

/// Cuts `index.json` off and writes it anew.
fn in_place(path: &Path) -> Result<()> {
    let index = path.join("index.json");
    fs::read(&index).and_then(|content| fs::write(&index, content)).map_err(Error::Source)
}

/// Does not listen when the disk has not taken what it gives a name.
fn deaf(path: &Path) -> Result<()> {
    let (index, new) = (path.join("index.json"), path.join("new"));
    let copy = || {
        fs::copy(&index, &new)?;
        let _ = fs::File::open(&new)?.sync_all();
        fs::rename(&new, &index)
    };
    copy().map_err(Error::Source)
}

/// Another name for the image that is called `one`.
fn one_named(layout: &Layout, name: &str) -> Result<Descriptor> {
    let mut entry = layout.list(&Matcher::reference("one"))?.remove(0);
    entry.set_reference(name)?;
    Ok(entry)
}

fn layer(layout: &Layout) -> Result<Descriptor> {
    let an_empty_tar = [0; 1024];
    let options = BlobOptions::new().media_type(MediaType::IMAGE_LAYER.parse()?);
    layout.put(&an_empty_tar[..], &options)
}

/// Stores an image, and gives its entry. Two of them differ in the manifest.
fn image(layout: &Layout, layer: &Descriptor, name: &str) -> Result<Descriptor> {
    let mut image = ImageBuilder::new(layout);
    image.platform(&"linux/amd64".parse()?)?.layer(layer, None, None)?;
    image.annotation("org.example.name", Some(name))?;
    let mut entry = image.finish()?;
    entry.set_reference(name)?;
    Ok(entry)
}
