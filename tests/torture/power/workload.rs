//! The writer on whom the power is cut: edits of a layout, one after the other.
//!
//! After each it prints what the layout must hold from then on, by its own
//! account of what it has asked for, and waits for a line before it goes on.

use fastrand::Rng;
use ocilayout::{
    Append, BlobOptions, Descriptor, Durability, ImageBuilder, Layout, Matcher, MediaType, Missing,
    OpenOptions,
};
use std::path::Path;

/// The edits of a workload, each acknowledged on its own.
#[derive(Clone, Copy, Debug)]
enum Step {
    Append,
    Replace,
    Remove,
    /// A transaction on so many images, which replaces one more.
    Transaction(usize),
    /// The entry before its blobs: what must never be done.
    EntryFirst,
}

use Step::{EntryFirst, Remove, Replace, Transaction};

/// A mixture, in an order that the seed says; or the same step a few times.
fn steps(workload: &str, random: &mut Rng) -> Vec<Step> {
    match workload {
        "mixed" => {
            let mut steps = vec![Step::Append; 5];
            steps.extend([Replace; 3]);
            steps.extend([Remove; 2]);
            steps.extend([Transaction(1); 4]);
            steps.extend([Transaction(40); 2]);
            random.shuffle(&mut steps);
            steps
        }
        "appends" => vec![Step::Append; 30],
        "many" => vec![Transaction(5); 12],
        "entry-first" => vec![EntryFirst; 8],
        _ => panic!("expected a workload, found {workload}"),
    }
}

/// Name and digest of each entry, in order.
type Entries = Vec<(String, String)>;

struct Writer {
    layout: Layout,
    entries: Entries,
    random: Rng,
    names: usize,
}

/// `LAYOUT WORKLOAD DURABILITY SEED`
pub fn write(words: &[&str]) {
    let [path, workload, durability, seed] = words else {
        panic!("expected LAYOUT WORKLOAD DURABILITY SEED, found {words:?}")
    };
    let mut random = Rng::with_seed(seed.parse().unwrap());
    let steps = steps(workload, &mut random);
    let options = OpenOptions::new().create_new().durability(durability_of(durability));
    let layout = options.open(Path::new(path)).unwrap();
    let mut writer = Writer { layout, entries: Entries::new(), random, names: 0 };
    writer.acknowledge();
    for step in steps {
        writer.make(step).unwrap();
        writer.acknowledge();
    }
}

fn durability_of(word: &str) -> Durability {
    match word {
        "full" => Durability::Full,
        "ordered" => Durability::Ordered,
        _ => panic!("expected full or ordered, found {word}"),
    }
}

impl Writer {
    fn acknowledge(&self) {
        println!("{}", serde_json::to_string(&self.entries).unwrap());
        let read = std::io::stdin().read_line(&mut String::new());
        assert!(read.unwrap() > 0, "the reader of the acknowledgements has gone");
    }

    fn make(&mut self, step: Step) -> ocilayout::Result<()> {
        let layout = self.layout.clone();
        match step {
            Step::Append => self.append(&layout),
            Replace => self.replace(&layout),
            Remove => self.remove(&layout),
            Transaction(images) => {
                let transaction = layout.begin()?;
                for _ in 0..images {
                    self.append(&transaction)?;
                }
                self.replace(&transaction)?;
                transaction.commit()
            }
            EntryFirst => {
                let scratch = tempfile::tempdir().unwrap();
                let elsewhere = OpenOptions::new().create().open(scratch.path())?;
                let entry = self.image(&elsewhere)?;
                let how = Append::new().missing(Missing::Allowed);
                layout.append(&entry, how)?;
                layout.write(&entry, &elsewhere)?;
                self.remember(&entry);
                Ok(())
            }
        }
    }

    fn append(&mut self, layout: &Layout) -> ocilayout::Result<()> {
        let entry = self.image(layout)?;
        layout.append(&entry, Append::new())?;
        self.remember(&entry);
        Ok(())
    }

    /// Puts a new image in the place of one; appends it if there is none.
    fn replace(&mut self, layout: &Layout) -> ocilayout::Result<()> {
        let entry = self.image(layout)?;
        let new = account(&entry);
        let (matcher, place) = match self.entries.len() {
            0 => (Matcher::reference("none"), None),
            count => {
                let place = self.random.usize(..count);
                (Matcher::reference(&self.entries[place].0), Some(place))
            }
        };
        let replaced = layout.replace(&matcher, &entry, Append::new())?;
        assert_eq!(replaced, usize::from(place.is_some()));
        match place {
            Some(place) => self.entries[place] = new,
            None => self.entries.push(new),
        }
        Ok(())
    }

    /// Removes an entry, if there is one.
    fn remove(&mut self, layout: &Layout) -> ocilayout::Result<()> {
        if !self.entries.is_empty() {
            let place = self.random.usize(..self.entries.len());
            let (name, _) = self.entries.remove(place);
            assert_eq!(layout.remove(&Matcher::reference(&name))?, 1);
        }
        Ok(())
    }

    fn remember(&mut self, entry: &Descriptor) {
        self.entries.push(account(entry));
    }

    /// An image like no other, with a name of its own. Layers are of sizes that
    /// file systems store in different ways.
    fn image(&mut self, layout: &Layout) -> ocilayout::Result<Descriptor> {
        let size = *self.random.choice(&[200, 3_000, 20_000, 20_000, 150_000]).unwrap();
        self.names += 1;
        put_image(layout, &bytes(&mut self.random, size), &format!("image-{}", self.names))
    }
}

/// Stores an image with one layer.
pub fn put_image(layout: &Layout, layer: &[u8], name: &str) -> ocilayout::Result<Descriptor> {
    let tar = BlobOptions::new().media_type(MediaType::IMAGE_LAYER.parse()?);
    let layer = layout.put(layer, &tar)?;
    let mut image = ImageBuilder::new(layout);
    image.platform(&"linux/amd64".parse()?)?.layer(&layer, None, None)?;
    let mut entry = image.finish()?;
    entry.set_reference(name)?;
    Ok(entry)
}

fn account(entry: &Descriptor) -> (String, String) {
    (entry.reference().unwrap().to_owned(), entry.digest().as_str().to_owned())
}

/// Content that no file system makes smaller.
pub fn bytes(random: &mut Rng, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    random.fill(&mut bytes);
    bytes
}
