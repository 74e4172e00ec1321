//! The interface of the tests, over the crate.

use crate::api::{Among, Finding, Progress, Source, Stored, Verify, Watch};
use crate::api::{Api, Append, Blobs, Failure, Flags, Image, Kind, Matcher, Options, Outcome};
use crate::api::{Directory, Long, Owners};
use ocilayout::{
    BlobOptions, BlobSource, CollectOptions, Compression, Descriptor, DirectoryOptions, Error,
    Fate, ImageBuilder, IndexBuilder, Layout, Missing, OpenOptions, OwnerMap, Transaction,
    VerifyOptions,
};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

pub struct Core(Layout, Option<Transaction>);

impl Core {
    fn open_as(layout: Layout) -> Self {
        Self(layout, None)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let (errno, callback_code) =
            (error.errno().unwrap_or(0), error.callback_code().unwrap_or(0));
        let error = match error {
            Error::OfSource { error, .. } => *error,
            error => error,
        };
        let kind = match &error {
            Error::Invalid { .. } => Kind::Invalid,
            Error::State(_) => Kind::State,
            Error::Io { .. } | Error::Source(_) => Kind::Io,
            Error::NotFound(_) => Kind::NotFound,
            Error::Exists(_) => Kind::Exists,
            Error::Busy(_) => Kind::Busy,
            Error::Conflict(_) => Kind::Conflict,
            Error::Format { .. } => Kind::Format,
            Error::Digest { .. } | Error::Size { .. } => Kind::Digest,
            Error::Callback { .. } => Kind::Callback,
            Error::Cancelled => Kind::Cancelled,
            Error::Limit { .. } => Kind::Limit,
            Error::Unsupported(_) => Kind::Unsupported,
            Error::NotDurable { .. } => Kind::NotDurable,
            Error::Memory => Kind::Memory,
            other => panic!("{other}"),
        };
        Self { kind, message, errno, callback_code }
    }
}

fn stopped(code: i64) -> Error {
    Error::Callback { problem: format!("stopped with code {code}"), code }
}

struct Callback<R>(R);

impl<R: FnMut(&mut [u8]) -> i64> Read for Callback<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = (self.0)(buf);
        match usize::try_from(n) {
            Ok(n) if n <= buf.len() => Ok(n),
            _ => Err(stopped(n).into()),
        }
    }
}

struct Provided<'a>(&'a Blobs);

impl BlobSource for Provided<'_> {
    fn open(&self, descriptor: &Descriptor) -> ocilayout::Result<Box<dyn Read + '_>> {
        match self.0.get(descriptor.digest().as_str()) {
            Some(blob) => Ok(Box::new(blob.as_slice())),
            None => Err(stopped(-7)),
        }
    }
}

fn options(options: &Options) -> ocilayout::Result<BlobOptions> {
    let mut made = BlobOptions::new();
    if let Some(media_type) = &options.media_type {
        made = made.media_type(media_type.parse()?);
    }
    if let Some(level) = options.gzip {
        made = made.compression(Compression::gzip(Some(level))?);
    }
    if let Some(level) = options.zstd {
        made = made.compression(Compression::zstd(Some(level))?);
    }
    if options.plain {
        made = made.compression(Compression::PLAIN);
    }
    made = made.source_compression(options.source);
    if let Some(algorithm) = &options.algorithm {
        made = made.algorithm(algorithm.parse()?);
    }
    if let Some(digest) = &options.digest {
        made = made.expected_digest(&digest.parse()?)?;
    }
    if let Some(size) = options.size {
        made = made.expected_size(size)?;
    }
    if let Some(limit) = options.limit {
        made = made.limit(limit);
    }
    if options.rehash {
        made = made.rehash();
    }
    Ok(if options.trusted { made.trusted() } else { made })
}

fn stored(descriptor: Descriptor) -> Stored {
    let diff_id = descriptor.diff_id().map(ToString::to_string);
    Stored { descriptor, diff_id }
}

/// The watch as the crate asks for it.
fn teller(watch: Watch<'_>) -> impl FnMut(ocilayout::Progress) -> ControlFlow<()> {
    |told| {
        let goes_on = watch(Progress {
            bytes: told.bytes_done,
            bytes_total: told.bytes_total,
            items: told.items_done,
            items_total: told.items_total,
        });
        if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn directory(given: &Directory<'_>) -> ocilayout::Result<DirectoryOptions> {
    let mut made = DirectoryOptions::new();
    if let Some(seconds) = given.clamp {
        made = made.clamp(seconds);
    }
    made = made.owners(match given.owners {
        Owners::Kept => ocilayout::Owners::Kept,
        Owners::Root => ocilayout::Owners::Root,
        Owners::Mapped(users, groups) => {
            let mut map = OwnerMap::new();
            for (from, to, length) in users {
                map = map.users(*from, *to, *length)?;
            }
            for (from, to, length) in groups {
                map = map.groups(*from, *to, *length)?;
            }
            ocilayout::Owners::Mapped(map)
        }
    });
    for (pattern, includes) in given.patterns {
        made = if *includes { made.include(pattern)? } else { made.exclude(pattern)? };
    }
    Ok(if given.sparse { made.sparse() } else { made })
}

fn collect_options(grace_seconds: u64, dry_run: bool) -> CollectOptions {
    let options = CollectOptions::new().grace(Duration::from_secs(grace_seconds));
    if dry_run { options.dry_run() } else { options }
}

fn verify_options(how: Verify) -> VerifyOptions {
    let mut options = VerifyOptions::new();
    if how.quick {
        options = options.quick();
    }
    if how.missing_allowed {
        options = options.missing(Missing::Allowed);
    }
    options
}

fn matcher<'a>(given: &'a Matcher<'a>) -> ocilayout::Result<ocilayout::Matcher<'a>> {
    use ocilayout::Matcher as Made;
    let several = |matchers: &'a [Matcher<'a>]| {
        matchers.iter().map(matcher).collect::<ocilayout::Result<_>>()
    };
    Ok(match given {
        Matcher::Name(name) => Made::reference(name),
        Matcher::Annotation(key, value) => Made::Annotation((*key).to_owned(), (*value).to_owned()),
        Matcher::Platforms(texts) => {
            Made::Platforms(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
        }
        Matcher::MediaTypes(texts) => {
            Made::MediaTypes(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
        }
        Matcher::Digests(texts) => {
            Made::Digests(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
        }
        Matcher::AllOf(matchers) => Made::AllOf(several(matchers)?),
        Matcher::AnyOf(matchers) => Made::AnyOf(several(matchers)?),
        Matcher::Not(negated) => Made::Not(Box::new(matcher(negated)?)),
        Matcher::Function(function) => Made::custom(|descriptor| match function(descriptor) {
            code if code < 0 => Err(stopped(code.into())),
            answer => Ok(answer > 0),
        }),
    })
}

fn named(entry: &Descriptor, name: Option<&str>) -> ocilayout::Result<Descriptor> {
    let mut entry = entry.clone();
    if let Some(name) = name {
        entry.set_reference(name)?;
    }
    Ok(entry)
}

impl Api for Core {
    fn open(path: &Path, flags: Flags) -> Outcome<Self> {
        let mut options = OpenOptions::new();
        if flags.create {
            options = options.create();
        }
        if flags.exclusive {
            options = options.create_new();
        }
        if flags.read_only {
            options = options.read_only();
        }
        if flags.symlinked_blobs {
            options = options.symlinked_blobs();
        }
        Ok(Self::open_as(options.open(path)?))
    }

    fn create(path: &Path, index: &[u8], source: Option<&Blobs>) -> Outcome<Self> {
        let source = source.map(Provided);
        let source = source.as_ref().map(|source| source as &dyn BlobSource);
        Ok(Self::open_as(OpenOptions::new().create_with_index(path, index, source)?))
    }

    fn set_threads(&self, threads: usize) {
        self.0.set_threads(threads);
    }

    fn put(&self, source: Source<'_>, given: &Options) -> Outcome<Stored> {
        let options = options(given)?;
        Ok(stored(match source {
            Source::Memory(bytes) => self.0.put(bytes, &options)?,
            Source::Callback(read) => self.0.put(Callback(read), &options)?,
            Source::Push(bytes, piece) => {
                let mut writer = self.0.writer(&options)?;
                for piece in bytes.chunks(piece) {
                    writer.write_all(piece).map_err(|error| match error.downcast::<Error>() {
                        Ok(error) => error,
                        Err(error) => Error::Source(error),
                    })?;
                }
                writer.finish()?
            }
            watchable => return self.put_watched(watchable, given, &mut |_| true),
        }))
    }

    fn put_watched(
        &self,
        source: Source<'_>,
        given: &Options,
        watch: Watch<'_>,
    ) -> Outcome<Stored> {
        use ocilayout::Source as Made;
        let (options, mut tell) = (options(given)?, teller(watch));
        let mut put =
            |source| self.0.put_from(source, &options, &mut ocilayout::Watch::new(&mut tell));
        Ok(stored(match source {
            Source::Memory(bytes) => put(Made::Memory(bytes))?,
            Source::Callback(read) => put(Made::Reader(Box::new(Callback(read))))?,
            Source::File(file) => put(Made::File(file.as_fd()))?,
            Source::Path(path) => put(Made::Path(path.to_owned()))?,
            Source::Push(..) => panic!("who pushes knows how far he has come"),
        }))
    }

    fn put_all(
        &self,
        sources: Vec<(Among, Options)>,
        concurrency: usize,
        watch: Option<Watch<'_>>,
    ) -> Outcome<Vec<Stored>> {
        use ocilayout::Source as Made;
        let made = sources.into_iter().map(|(source, given)| {
            let source = match source {
                Among::Memory(bytes) => Made::Memory(bytes),
                Among::Callback(read) => Made::Reader(Box::new(Callback(read))),
                Among::File(file) => Made::File(file.as_fd()),
                Among::Path(path) => Made::Path(path),
            };
            Ok((source, options(&given)?))
        });
        let made = made.collect::<ocilayout::Result<Vec<_>>>()?;
        let mut tell = watch.map(teller);
        let mut watch = match &mut tell {
            Some(tell) => ocilayout::Watch::new(tell),
            None => ocilayout::Watch::none(),
        };
        Ok(self.0.put_all(made, concurrency, &mut watch)?.into_iter().map(stored).collect())
    }

    fn put_directory(&self, path: &Path, given: &Directory<'_>, blob: &Options) -> Outcome<Stored> {
        Ok(stored(self.0.put_directory(path, &directory(given)?, &options(blob)?)?))
    }

    fn put_difference(
        &self,
        lower: &Path,
        upper: &Path,
        given: &Directory<'_>,
        blob: &Options,
    ) -> Outcome<Stored> {
        Ok(stored(self.0.put_difference(lower, upper, &directory(given)?, &options(blob)?)?))
    }

    fn blob_size(&self, digest: &str) -> Outcome<u64> {
        Ok(self.0.blob_size(&digest.parse()?)?)
    }

    fn read_blob(&self, descriptor: &Descriptor, limit: u64) -> Outcome<Vec<u8>> {
        Ok(self.0.read_blob(descriptor, limit)?)
    }

    fn stream_blob(&self, descriptor: &Descriptor, piece: usize) -> Outcome<Vec<u8>> {
        let mut reader = self.0.open_blob(descriptor)?;
        let mut content = Vec::new();
        let mut buffer = vec![0; piece];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(content),
                Ok(n) => content.extend_from_slice(&buffer[..n]),
                Err(error) => return Err(error.downcast::<Error>().unwrap().into()),
            }
        }
    }

    fn remove_blob(&self, digest: &str) -> Outcome<()> {
        Ok(self.0.remove_blob(&digest.parse()?)?)
    }

    fn read_file(&self, name: &str) -> Outcome<Vec<u8>> {
        Ok(self.0.read_file(name)?)
    }

    fn write_file(&self, name: &str, content: &[u8]) -> Outcome<()> {
        Ok(self.0.write_file(name, content)?)
    }

    fn append(&self, entry: &Descriptor, name: Option<&str>, how: Append) -> Outcome<()> {
        let mut made = ocilayout::Append::new();
        if how.missing_allowed {
            made = made.missing(Missing::Allowed);
        }
        if how.duplicate {
            made = made.duplicate();
        }
        Ok(self.0.append(&named(entry, name)?, made)?)
    }

    fn replace(
        &self,
        given: &Matcher<'_>,
        entry: &Descriptor,
        name: Option<&str>,
    ) -> Outcome<usize> {
        let entry = named(entry, name)?;
        Ok(self.0.replace(&matcher(given)?, &entry, ocilayout::Append::default())?)
    }

    fn remove(&self, given: &Matcher<'_>) -> Outcome<usize> {
        Ok(self.0.remove(&matcher(given)?)?)
    }

    fn list(&self, given: Option<&Matcher<'_>>) -> Outcome<Vec<Descriptor>> {
        let matcher = given.map_or_else(|| Ok(ocilayout::Matcher::any()), matcher)?;
        Ok(self.0.list(&matcher)?)
    }

    fn children(&self, descriptor: &Descriptor) -> Outcome<Vec<Descriptor>> {
        Ok(self.0.children(descriptor)?)
    }

    fn resolve(&self, name: &str, platform: Option<&str>) -> Outcome<Descriptor> {
        let platform = platform.map(str::parse).transpose()?;
        Ok(self.0.resolve(name, platform.as_ref())?)
    }

    fn unreferenced(&self) -> Outcome<Vec<Descriptor>> {
        Ok(self.0.unreferenced()?)
    }

    fn collect(&self, grace_seconds: u64, dry_run: bool) -> Outcome<BTreeMap<String, Fate>> {
        let collected = self.0.collect(&collect_options(grace_seconds, dry_run))?;
        Ok(collected.iter().map(|blob| (blob.digest().to_string(), blob.fate())).collect())
    }

    fn verify(&self, how: Verify) -> Outcome<Vec<Finding>> {
        let found = self.0.verify(&verify_options(how))?.into_iter().map(|finding| Finding {
            kind: finding.kind(),
            path: finding.path().to_owned(),
            digest: finding.digest().map(ToString::to_string),
            referenced_from: finding.referenced_from().map(str::to_owned).collect(),
            message: finding.to_string(),
        });
        Ok(found.collect())
    }

    fn watched(&self, call: Long<'_, Self>, watch: Watch<'_>) -> Outcome<()> {
        let mut tell = teller(watch);
        let watch = &mut ocilayout::Watch::new(&mut tell);
        match call {
            Long::Verify(how) => self.0.verify_watched(&verify_options(how), watch).map(drop),
            Long::Collect { dry_run } => {
                self.0.collect_watched(&collect_options(0, dry_run), watch).map(drop)
            }
            Long::Unreferenced => self.0.unreferenced_watched(watch).map(drop),
            Long::Write(root, blobs) => self.0.write_watched(root, &Provided(blobs), watch),
            Long::WriteFrom(root, source) => self.0.write_watched(root, &source.0, watch),
            Long::Create(path, index, blobs) => {
                let (options, source) = (OpenOptions::new(), Provided(blobs));
                options.create_with_index_watched(path, index, Some(&source), watch).map(drop)
            }
        }
        .map_err(Failure::from)
    }

    fn set_lock_timeout(&self, timeout: Option<u32>) {
        let timeout = timeout.map(|timeout| std::time::Duration::from_millis(timeout.into()));
        self.0.set_lock_timeout(timeout);
    }

    fn interruptible(&self) -> Self {
        match &self.1 {
            Some(transaction) => {
                let transaction = transaction.interruptible();
                Self((*transaction).clone(), Some(transaction))
            }
            None => Self(self.0.interruptible(), None),
        }
    }

    fn interrupt(&self) -> Outcome<()> {
        Ok(self.0.interrupt()?)
    }

    fn begin(&self) -> Outcome<Self> {
        let transaction = self.0.begin()?;
        Ok(Self((*transaction).clone(), Some(transaction)))
    }

    fn commit(&self) -> Outcome<()> {
        Ok(self.1.as_ref().unwrap().commit()?)
    }

    fn commit_if(&self, digest: &str) -> Outcome<()> {
        Ok(self.1.as_ref().unwrap().commit_if(&digest.parse()?)?)
    }

    fn describe_index(&self) -> Outcome<Descriptor> {
        Ok(self.0.describe_index()?)
    }

    fn put_manifest(
        &self,
        json: &[u8],
        media_type: Option<&str>,
        missing_allowed: bool,
    ) -> Outcome<Descriptor> {
        let media_type = media_type.map(str::parse).transpose()?;
        let missing = if missing_allowed { Missing::Allowed } else { Missing::Refused };
        Ok(self.0.put_manifest(json, media_type.as_ref(), missing)?)
    }

    fn write(&self, descriptor: &Descriptor, source: &Blobs) -> Outcome<()> {
        Ok(self.0.write(descriptor, &Provided(source))?)
    }

    fn write_from(&self, descriptor: &Descriptor, source: &Self) -> Outcome<()> {
        Ok(self.0.write(descriptor, &source.0)?)
    }

    fn image(&self, image: &Image<'_>) -> Outcome<Descriptor> {
        let mut builder = match image.from {
            Some(from) => ImageBuilder::from_image(&self.0, from)?,
            None => ImageBuilder::new(&self.0),
        };
        if let Some(json) = image.config_json {
            builder.config_json(json.as_bytes())?;
        }
        if let Some(platform) = image.platform {
            builder.platform(&platform.parse()?)?;
        }
        if let Some(created) = image.created {
            builder.created(created)?;
        }
        if !image.entrypoint.is_empty() {
            builder.entrypoint(image.entrypoint)?;
        }
        if !image.command.is_empty() {
            builder.command(image.command)?;
        }
        for (name, value) in image.env {
            builder.env(name, value)?;
        }
        if let Some(path) = image.working_dir {
            builder.working_dir(path)?;
        }
        if let Some(user) = image.user {
            builder.user(user)?;
        }
        for (key, value) in image.labels {
            builder.label(key, value)?;
        }
        for port in image.ports {
            builder.exposed_port(port)?;
        }
        for (key, value) in image.annotations {
            builder.annotation(key, Some(value))?;
        }
        for (layer, diff_id, created_by) in &image.layers {
            let diff_id = diff_id.map(str::parse).transpose()?;
            builder.layer(&layer.descriptor, diff_id.as_ref(), *created_by)?;
        }
        for step in image.steps {
            builder.history(step, None)?;
        }
        Ok(builder.finish()?)
    }

    fn index(
        &self,
        manifests: &[&Descriptor],
        annotations: &[(&str, &str)],
    ) -> Outcome<Descriptor> {
        let mut builder = IndexBuilder::new(&self.0);
        for manifest in manifests {
            builder.manifest(manifest)?;
        }
        for (key, value) in annotations {
            builder.annotation(key, Some(value))?;
        }
        Ok(builder.finish()?)
    }
}
