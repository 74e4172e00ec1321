//! Looking over a layout: what stands in it, whether it should or not.

use super::blobs::Store;
use super::directory::{Directory, Links};
use super::files::BLOBS;
use super::reader::BlobReader;
use super::stage::{hidden_names, is_left};
use crate::words::digest::{Algorithm, Digest, is_algorithm};
use crate::words::error::{Error, Result};
use crate::words::memory;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What stands under `blobs/`. Paths begin at the root of the layout.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// What has the name of a blob, and how large it is, as far as that is known.
    pub(crate) blobs: Vec<(Digest, u64)>,
    /// What has a name that no blob has.
    pub(crate) strays: Vec<PathBuf>,
    /// What should be a directory of blobs, and is none.
    pub(crate) blocked: Vec<(PathBuf, Error)>,
}

/// Where a blob has its place.
pub(crate) fn blob_path(digest: &Digest) -> PathBuf {
    Path::new(BLOBS).join(digest.algorithm()).join(digest.encoded())
}

impl Store {
    /// Looks at all names under `blobs/`.
    pub(crate) fn survey(&self) -> Result<Survey> {
        let mut survey = Survey::default();
        match self.root().child(OsStr::new(BLOBS)) {
            Ok(Some(blobs)) => survey.add_algorithms(&blobs)?,
            Ok(None) => {}
            Err(error @ Error::Format { .. }) => survey.blocked.push((BLOBS.into(), error)),
            Err(error) => return Err(error),
        }
        Ok(survey)
    }

    /// Opens a blob to read it, however long it is; its content is checked at its
    /// end.
    pub(crate) fn open_found(&self, digest: &Digest) -> Result<BlobReader> {
        let (file, size) = self.open_file(digest)?.ok_or_else(|| self.missing(digest))?;
        BlobReader::new(file, self.describe(digest), digest, size)
    }

    /// The names in the root that writers give to what they have not published.
    pub(crate) fn hidden_names(&self) -> Result<Vec<String>> {
        hidden_names(self.root())
    }

    /// Whether what has a hidden name was left by a writer that is no more.
    pub(crate) fn is_left(&self, hidden: &str) -> bool {
        is_left(self.root(), hidden)
    }
}

impl Survey {
    fn add_algorithms(&mut self, blobs: &Directory) -> Result<()> {
        for name in blobs.all_names()? {
            let path = Path::new(BLOBS).join(&name);
            let Some(algorithm) = name.to_str().filter(|name| is_algorithm(name)) else {
                memory::push(&mut self.strays, path)?;
                continue;
            };
            match blobs.child(&name) {
                Ok(Some(directory)) => self.add_blobs(&directory, algorithm, &path)?,
                Ok(None) => {}
                // Any word may name an algorithm; that these do is sure.
                Err(error @ Error::Format { .. }) if algorithm.parse::<Algorithm>().is_ok() => {
                    memory::push(&mut self.blocked, (path, error))?;
                }
                Err(Error::Format { .. }) => memory::push(&mut self.strays, path)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn add_blobs(&mut self, directory: &Directory, algorithm: &str, path: &Path) -> Result<()> {
        for name in directory.all_names()? {
            let encoded = name.to_str().unwrap_or_default();
            match memory::unless_refused(format!("{algorithm}:{encoded}").parse())? {
                Some(digest) => {
                    let size = directory.size_of(&name, Links::Refused).ok().flatten();
                    memory::push(&mut self.blobs, (digest, size.unwrap_or_default()))?;
                }
                None => memory::push(&mut self.strays, path.join(name))?,
            }
        }
        Ok(())
    }
}
