//! Which entries an edit means, asked of the caller without a lock.
//!
//! No lock is held while a callback runs, so a matcher that asks the caller is
//! asked before the edit, and its answers are kept. Entries that appear meanwhile
//! are asked about when the edit finds them unanswered.

use super::matcher::Matcher;
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

    /// Which of these entries are meant; `None` if the caller must be asked.
    pub(super) fn among<'d>(
        &self,
        entries: impl Iterator<Item = &'d Descriptor>,
    ) -> Result<Option<Vec<bool>>> {
        let answer = |answers: &HashMap<String, bool>, entry: &Descriptor| {
            answers.get(entry.json()).copied()
        };
        match self {
            Self::Matched(matcher) => {
                memory::try_list(entries.map(|entry| matcher.matches(entry))).map(Some)
            }
            Self::Asked(_, answers) => {
                let mut meant = Vec::new();
                for entry in entries {
                    let Some(answer) = answer(answers, entry) else { return Ok(None) };
                    memory::push(&mut meant, answer)?;
                }
                Ok(Some(meant))
            }
            Self::Answered(answers) => {
                let meant = entries.map(|entry| answer(answers, entry).unwrap_or_default());
                memory::list(meant).map(Some)
            }
        }
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
