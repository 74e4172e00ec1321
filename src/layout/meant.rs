//! Which entries an edit means, asked of the caller without a lock.
//!
//! No lock is held while a callback runs, so a matcher that asks the caller is
//! asked before the edit, and its answers are kept. Entries that appear meanwhile
//! are asked about when the edit finds them unanswered.

use super::matcher::{Hint, Matcher};
use crate::words::descriptor::Descriptor;
use crate::words::error::Result;
use crate::words::memory;
use std::collections::HashMap;

#[derive(Debug)]
pub(super) enum Meant<'m> {
    /// What a matcher says that asks nobody.
    Matched(Matcher<'static>),
    /// What the caller said so far, by the text of the entry.
    Asked(&'m Matcher<'m>, HashMap<String, bool>),
    /// What the caller said. He is not asked any more, and what he was not asked
    /// about is not meant.
    Answered(HashMap<String, bool>),
}

impl<'m> Meant<'m> {
    pub(super) fn nothing() -> Self {
        Self::Matched(Matcher::AnyOf(Vec::new()))
    }

    pub(super) fn by(matcher: &'m Matcher<'m>) -> Self {
        match matcher.asking_nobody() {
            Some(matcher) => Self::Matched(matcher),
            None => Self::Asked(matcher, HashMap::new()),
        }
    }

    /// The same for later, when the caller can be asked no more.
    pub(super) fn kept(&self) -> Result<Meant<'static>> {
        Ok(match self {
            Self::Matched(matcher) => Meant::Matched(matcher.clone()),
            Self::Asked(_, answers) | Self::Answered(answers) => {
                let mut kept = HashMap::new();
                for (entry, answer) in answers {
                    memory::note(&mut kept, memory::owned(entry)?, *answer)?;
                }
                Meant::Answered(kept)
            }
        })
    }

    /// Where all stand that are meant, and others perhaps.
    pub(super) fn hint(&self) -> Hint<'_> {
        match self {
            Self::Matched(matcher) => matcher.hint(),
            Self::Asked(matcher, _) => matcher.hint(),
            Self::Answered(_) => Hint::Anything,
        }
    }

    /// Whether this entry is meant; `None` if the caller must be asked.
    pub(super) fn means(&self, entry: &Descriptor) -> Result<Option<bool>> {
        Ok(match self {
            Self::Matched(matcher) => Some(matcher.matches(entry)?),
            Self::Asked(_, answers) => answers.get(entry.json()).copied(),
            Self::Answered(answers) => Some(answers.get(entry.json()).copied().unwrap_or_default()),
        })
    }

    /// Asks the caller about the entries that he was not asked about.
    pub(super) fn ask(&mut self, entries: &[Descriptor]) -> Result<()> {
        if let Self::Asked(matcher, answers) = self {
            for entry in entries {
                if !answers.contains_key(entry.json()) {
                    let text = memory::owned(entry.json())?;
                    memory::note(answers, text, matcher.matches(entry)?)?;
                }
            }
        }
        Ok(())
    }
}
