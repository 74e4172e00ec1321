//! The interface that the tests are written against.

use ocilayout::{Descriptor, Fate, FindingKind, SourceCompression};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

pub type Outcome<T> = Result<T, Failure>;

/// Why a call failed, as both interfaces tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    pub message: String,
    pub errno: i32,
    pub callback_code: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Invalid,
    State,
    Io,
    NotFound,
    Exists,
    Busy,
    Conflict,
    Format,
    Digest,
    Callback,
    Cancelled,
    Limit,
    Unsupported,
    NotDurable,
    Memory,
}

#[derive(Clone, Copy, Default)]
pub struct Flags {
    pub create: bool,
    pub exclusive: bool,
    pub read_only: bool,
    pub symlinked_blobs: bool,
}

pub const CREATE: Flags =
    Flags { create: true, exclusive: false, read_only: false, symlinked_blobs: false };
pub const OPEN: Flags =
    Flags { create: false, exclusive: false, read_only: false, symlinked_blobs: false };

#[derive(Clone, Default)]
pub struct Options {
    pub media_type: Option<String>,
    pub gzip: Option<i32>,
    pub zstd: Option<i32>,
    pub plain: bool,
    pub source: SourceCompression,
    pub algorithm: Option<String>,
    pub digest: Option<String>,
    pub size: Option<u64>,
    pub limit: Option<u64>,
    pub rehash: bool,
    pub trusted: bool,
}

/// How a directory becomes a layer.
#[derive(Clone, Copy, Default)]
pub struct Directory<'a> {
    pub clamp: Option<i64>,
    pub owners: Owners<'a>,
    /// Each with whether it includes.
    pub patterns: &'a [(&'a str, bool)],
    pub sparse: bool,
}

#[derive(Clone, Copy, Default)]
pub enum Owners<'a> {
    #[default]
    Kept,
    Root,
    /// Of users and of groups: from, to, length.
    Mapped(&'a [(u32, u32, u32)], &'a [(u32, u32, u32)]),
}

/// Where the bytes of a blob come from.
pub enum Source<'a> {
    Memory(&'a [u8]),
    /// Fills the buffer as a C callback does.
    Callback(&'a mut Read<'a>),
    File(std::fs::File),
    /// The file there, as the layer of an artifact.
    Path(&'a Path),
    /// Pushed in pieces of this size.
    Push(&'a [u8], usize),
}

pub type Read<'a> = dyn FnMut(&mut [u8]) -> i64 + Send + 'a;

/// One of many sources that are stored at once, perhaps by another thread.
pub enum Among {
    Memory(&'static [u8]),
    Callback(Box<Read<'static>>),
    File(&'static std::fs::File),
    Path(PathBuf),
}

/// Is told how far a call has come, and says whether it is to go on.
pub type Watch<'a> = &'a mut dyn FnMut(Progress) -> bool;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub bytes: u64,
    pub bytes_total: Option<u64>,
    pub items: u64,
    pub items_total: Option<u64>,
}

pub enum Matcher<'a> {
    Name(&'a str),
    Annotation(&'a str, &'a str),
    Platforms(&'a [&'a str]),
    MediaTypes(&'a [&'a str]),
    Digests(&'a [&'a str]),
    AllOf(Vec<Self>),
    AnyOf(Vec<Self>),
    Not(Box<Self>),
    /// Answers as a C callback does; stands by itself only.
    Function(&'a (dyn Fn(&Descriptor) -> i32 + Sync)),
}

#[derive(Clone, Copy, Default)]
pub struct Append {
    pub missing_allowed: bool,
    pub duplicate: bool,
}

#[derive(Clone, Debug)]
pub struct Stored {
    pub descriptor: Descriptor,
    pub diff_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Verify {
    pub quick: bool,
    pub missing_allowed: bool,
}

/// What a verification found, as both interfaces tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: FindingKind,
    pub path: PathBuf,
    pub digest: Option<String>,
    pub referenced_from: Vec<String>,
    pub message: String,
}

/// A call that can take long.
pub enum Long<'a, A> {
    Verify(Verify),
    /// With no time of grace.
    Collect {
        dry_run: bool,
    },
    Unreferenced,
    Write(&'a Descriptor, &'a Blobs),
    WriteFrom(&'a Descriptor, &'a A),
    Create(&'a Path, &'a [u8], &'a Blobs),
}

/// Blobs by digest, to write a tree from.
pub type Blobs = HashMap<String, Vec<u8>>;

/// An image to be built.
#[derive(Default)]
pub struct Image<'a> {
    pub from: Option<&'a Descriptor>,
    pub config_json: Option<&'a str>,
    pub platform: Option<&'a str>,
    pub created: Option<&'a str>,
    pub entrypoint: &'a [&'a str],
    pub command: &'a [&'a str],
    pub env: &'a [(&'a str, &'a str)],
    pub working_dir: Option<&'a str>,
    pub user: Option<&'a str>,
    pub labels: &'a [(&'a str, &'a str)],
    pub ports: &'a [&'a str],
    pub annotations: &'a [(&'a str, &'a str)],
    /// Each with its diff ID, if it is to be given, and how it was made.
    pub layers: Vec<(&'a Stored, Option<&'a str>, Option<&'a str>)>,
    /// Steps that make no layer; they come after the layers.
    pub steps: &'a [&'a str],
}

pub trait Api: Sized + Sync {
    fn open(path: &Path, flags: Flags) -> Outcome<Self>;
    fn create(path: &Path, index: &[u8], source: Option<&Blobs>) -> Outcome<Self>;

    /// 0 is one for each core.
    fn set_threads(&self, threads: usize);

    fn put(&self, source: Source<'_>, options: &Options) -> Outcome<Stored>;
    fn put_directory(
        &self,
        path: &Path,
        directory: &Directory<'_>,
        options: &Options,
    ) -> Outcome<Stored>;
    fn put_difference(
        &self,
        lower: &Path,
        upper: &Path,
        directory: &Directory<'_>,
        options: &Options,
    ) -> Outcome<Stored>;
    fn put_watched(
        &self,
        source: Source<'_>,
        options: &Options,
        watch: Watch<'_>,
    ) -> Outcome<Stored>;
    fn put_all(
        &self,
        sources: Vec<(Among, Options)>,
        concurrency: usize,
        watch: Option<Watch<'_>>,
    ) -> Outcome<Vec<Stored>>;
    fn blob_size(&self, digest: &str) -> Outcome<u64>;
    fn read_blob(&self, descriptor: &Descriptor, limit: u64) -> Outcome<Vec<u8>>;
    /// Reads through a reader, in pieces of this size.
    fn stream_blob(&self, descriptor: &Descriptor, piece: usize) -> Outcome<Vec<u8>>;
    fn remove_blob(&self, digest: &str) -> Outcome<()>;

    fn read_file(&self, name: &str) -> Outcome<Vec<u8>>;
    fn write_file(&self, name: &str, content: &[u8]) -> Outcome<()>;

    fn append(&self, entry: &Descriptor, name: Option<&str>, how: Append) -> Outcome<()>;
    fn replace(
        &self,
        matcher: &Matcher<'_>,
        entry: &Descriptor,
        name: Option<&str>,
    ) -> Outcome<usize>;
    fn remove(&self, matcher: &Matcher<'_>) -> Outcome<usize>;

    fn list(&self, matcher: Option<&Matcher<'_>>) -> Outcome<Vec<Descriptor>>;
    fn children(&self, descriptor: &Descriptor) -> Outcome<Vec<Descriptor>>;
    fn resolve(&self, name: &str, platform: Option<&str>) -> Outcome<Descriptor>;
    fn unreferenced(&self) -> Outcome<Vec<Descriptor>>;
    /// Of each blob by its digest, what became of it.
    fn collect(&self, grace_seconds: u64, dry_run: bool) -> Outcome<BTreeMap<String, Fate>>;
    fn verify(&self, how: Verify) -> Outcome<Vec<Finding>>;

    /// Makes a call that tells how far it has come.
    fn watched(&self, call: Long<'_, Self>, watch: Watch<'_>) -> Outcome<()>;

    /// In milliseconds; `None` is for ever.
    fn set_lock_timeout(&self, timeout: Option<u32>);

    /// The same layout by a handle that can be interrupted.
    fn interruptible(&self) -> Self;
    fn interrupt(&self) -> Outcome<()>;

    /// A transaction, which is used as a layout is.
    fn begin(&self) -> Outcome<Self>;
    fn commit(&self) -> Outcome<()>;
    fn commit_if(&self, digest: &str) -> Outcome<()>;
    fn describe_index(&self) -> Outcome<Descriptor>;

    fn put_manifest(
        &self,
        json: &[u8],
        media_type: Option<&str>,
        missing_allowed: bool,
    ) -> Outcome<Descriptor>;
    fn write(&self, descriptor: &Descriptor, source: &Blobs) -> Outcome<()>;
    fn write_from(&self, descriptor: &Descriptor, source: &Self) -> Outcome<()>;

    fn image(&self, image: &Image<'_>) -> Outcome<Descriptor>;
    fn index(&self, manifests: &[&Descriptor], annotations: &[(&str, &str)])
    -> Outcome<Descriptor>;
}
