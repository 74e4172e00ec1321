//! Why a call failed, in one line that tells a person what to do.

use super::memory;
use std::io;

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed.
///
/// The text of each is one line: the path or the parameter, what was expected
/// and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text, number or flag given by the caller is not of the form asked for.
    #[error("{what}: expected {expected}, found {found}")]
    Invalid {
        /// The parameter or the kind of value.
        what: &'static str,
        /// The form that is accepted.
        expected: &'static str,
        /// What was given, quoted and shortened.
        found: String,
    },

    /// The object cannot do this now: it is finished, incomplete or read-only.
    #[error("{0}")]
    State(String),

    /// The operating system refused.
    #[error("cannot {action} {path}: {}", reason(source))]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: String,
        /// The system's own reason.
        source: io::Error,
    },

    /// The reader that the caller supplied failed.
    #[error("reading the source failed: {}", reason(_0))]
    Source(#[source] io::Error),

    /// A callback of the caller stopped the call, or broke its contract.
    #[error("{problem}")]
    Callback {
        /// What the callback did.
        problem: String,
        /// The number that it returned.
        code: i64,
    },

    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),

    /// What was to be created is there already.
    #[error("{0}")]
    Exists(String),

    /// Another writer holds the lock of the layout.
    #[error("{0}")]
    Busy(String),

    /// `index.json`, or a directory that was to become a layer, was changed
    /// meanwhile, where it should not have been.
    #[error("{0}")]
    Conflict(String),

    /// The change was made, and every reader sees it, but it may be lost when the
    /// power goes: the system could not write all of it to the disk.
    #[error("{path}: the change was made, but it may not survive a power cut: {}", reason(source))]
    NotDurable {
        /// The file that was changed.
        path: String,
        /// The system's own reason.
        source: io::Error,
    },

    /// A document, or the layout itself, breaks the image-spec.
    #[error("{document}: {problem}")]
    Format {
        /// The file or the kind of document.
        document: String,
        /// What is wrong with it.
        problem: String,
    },

    /// Content is not what its digest says.
    #[error("{what}: expected digest {expected}, found {found}")]
    Digest {
        /// Where the content came from.
        what: String,
        /// The digest that was promised.
        expected: String,
        /// The digest of what came.
        found: String,
    },

    /// Content is not as long as its descriptor says.
    #[error("{what}: expected {expected} bytes, found {found}")]
    Size {
        /// Where the content came from.
        what: String,
        /// The size that was promised.
        expected: u64,
        /// The size of what came; "more" when reading stopped there.
        found: String,
    },

    /// Who was told how far the call had come stopped it, or an interrupt did; what it had
    /// begun is undone.
    #[error("the call was stopped, by the callback that is told its progress or by an interrupt")]
    Cancelled,

    /// More data than a limit allows.
    #[error("{what}: expected at most {limit} bytes, found more")]
    Limit {
        /// What was too large.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },

    /// Legal, but not something that this library does.
    #[error("{0}")]
    Unsupported(String),

    /// Of several sources one failed, at this position of theirs.
    #[error("source {position}: {error}")]
    OfSource {
        /// Its place among the sources, from 0 on.
        position: usize,
        /// Why it failed.
        error: Box<Self>,
    },

    /// There is too little memory for what the call was given or has read.
    #[error("memory: expected enough for what is given or read, found too little")]
    Memory,

    /// A bug in this library.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn invalid(what: &'static str, expected: &'static str, found: &str) -> Self {
        Self::Invalid { what, expected, found: quoted(found) }
    }

    pub(crate) fn format(document: impl Into<String>, problem: impl ToString) -> Self {
        Self::Format { document: document.into(), problem: line(&problem.to_string()) }
    }

    /// Takes an error of this crate back out of the [`io::Error`] that carried
    /// it through a `Read` or `Write`; any other is the source's own.
    pub(crate) fn from_source(error: io::Error) -> Self {
        if memory::was_refused(&error) {
            return Self::Memory;
        }
        error.downcast::<Self>().unwrap_or_else(Self::Source)
    }

    /// The same for a `Write`: what is not an error of this crate comes from a
    /// compressor, which fails for want of memory alone.
    pub(crate) fn from_writer(source: io::Error) -> Self {
        source.downcast::<Self>().unwrap_or(Self::Memory)
    }

    /// What a JSON parser or writer says of a document.
    pub(crate) fn json(document: impl Into<String>, error: &serde_json::Error) -> Self {
        if memory::was_refused_to(error) { Self::Memory } else { Self::format(document, error) }
    }

    /// The system's error number, where there is one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Io { source, .. } | Self::NotDurable { source, .. } | Self::Source(source) => {
                source.raw_os_error()
            }
            Self::OfSource { error, .. } => error.errno(),
            _ => None,
        }
    }

    /// The number that a callback of the caller stopped the call with, if one did.
    #[must_use]
    pub fn callback_code(&self) -> Option<i64> {
        match self {
            Self::Callback { code, .. } => Some(*code),
            Self::OfSource { error, .. } => error.callback_code(),
            _ => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

/// What the system says, without the number, which is told apart.
fn reason(error: &io::Error) -> String {
    let text = line(&error.to_string());
    match text.split_once(" (os error ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

/// What others have to say, as one line of bearable length: a parser's message
/// may quote the document.
fn line(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut line: String =
        text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// Quotes a value for an error message: escaped, and never longer than a line.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
