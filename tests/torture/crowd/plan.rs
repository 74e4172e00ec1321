//! What a member does: known from its number and the seed alone.

use std::collections::BTreeMap;
use std::fmt;

/// How many names a member has. An index with all of those of a crowd has some
/// hundred entries.
const NAMES: usize = 8;

#[derive(Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub member: u32,
}

/// Changes that become visible together.
pub type Edit = Vec<Change>;

/// What becomes of a name.
pub struct Change {
    pub name: String,
    /// Whether it is there before.
    pub is_there: bool,
    /// What the blob holds that it points at; `None` takes the name away. Each
    /// text is used once.
    pub text: Option<String>,
}

/// The texts of the names that are there.
pub type Shown = BTreeMap<String, String>;

impl Plan {
    /// What the names of the member begin with.
    pub fn prefix(self) -> String {
        format!("m{:03}-", self.member)
    }

    pub fn edits(self, count: usize) -> Vec<Edit> {
        let mut random = fastrand::Rng::with_seed((self.seed << 32) | u64::from(self.member));
        let mut there = [false; NAMES];
        let mut edit = |number| {
            // Most are one change, which needs no transaction.
            let changes = if random.u8(..4) == 0 { random.usize(2..=4) } else { 1 };
            let names = random.choose_multiple(0..NAMES, changes);
            let change = |name: usize| {
                let is_there = there[name];
                there[name] = !is_there || random.u8(..3) > 0;
                let text = there[name].then(|| format!("{self}, edit {number}, name {name}"));
                Change { name: format!("{}{name}", self.prefix()), is_there, text }
            };
            names.into_iter().map(change).collect()
        };
        (0..count).map(&mut edit).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, member {}", self.seed, self.member)
    }
}

/// What the names show after these edits.
pub fn shown(edits: &[Edit]) -> Shown {
    let mut shown = Shown::new();
    for Change { name, text, .. } in edits.iter().flatten() {
        match text {
            Some(text) => shown.insert(name.clone(), text.clone()),
            None => shown.remove(name),
        };
    }
    shown
}
