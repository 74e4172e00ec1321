//! What survives when the power goes.

/// What an open layout promises for the case that the power goes or the kernel
/// crashes. A process that is killed loses nothing that was acknowledged,
/// whatever is promised here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Nothing: for layouts that can be made again.
    None,
    /// What is named is complete: a blob is on the disk before its name, and
    /// before the index that names it. The last edits may be lost.
    Ordered,
    /// What was acknowledged is there.
    #[default]
    Full,
}
