//! How an entry begins: a ustar header, and extended records (PAX) for what has no
//! room in one, in the order in which they were drafted.

use crate::words::error::{Error, Result};
use crate::words::memory;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use tar::{Builder, EntryType, Header};

/// The largest numbers for which a ustar header has room: seven octal digits, and
/// eleven.
const LARGEST_ID: u32 = 0o7_777_777;
const LARGEST_NUMBER: u64 = 0o77_777_777_777;

/// A header, and the records that go before it.
pub(super) struct Draft {
    header: Header,
    records: Vec<(String, Vec<u8>)>,
}

impl Draft {
    pub(super) fn new(kind: EntryType) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        Self { header, records: Vec::new() }
    }

    pub(super) fn record(&mut self, key: &str, value: &[u8]) -> Result<()> {
        let value = memory::list(value.iter().copied())?;
        memory::push(&mut self.records, (memory::owned(key)?, value))
    }

    /// A record with a name. Records are UTF-8 unless the first says otherwise.
    pub(super) fn name(&mut self, key: &str, name: &[u8]) -> Result<()> {
        const CHARSET: &str = "hdrcharset";
        let said = self.records.first().is_some_and(|(key, _)| key == CHARSET);
        if str::from_utf8(name).is_err() && !said {
            self.record(CHARSET, b"BINARY")?;
            self.records.rotate_right(1);
        }
        self.record(key, name)
    }

    pub(super) fn path(&mut self, path: &[u8]) -> Result<()> {
        let mut header = self.header.clone();
        let fits = header.set_path(OsStr::from_bytes(path)).is_ok();
        if fits && stands_in_header(path) {
            self.header = header;
            return Ok(());
        }
        cut(&mut self.header.as_old_mut().name, path);
        self.name("path", path)
    }

    pub(super) fn target(&mut self, target: &[u8]) -> Result<()> {
        let field = &mut self.header.as_old_mut().linkname;
        cut(field, target);
        if target.len() <= field.len() && stands_in_header(target) {
            return Ok(());
        }
        self.name("linkpath", target)
    }

    pub(super) fn mode(&mut self, mode: u32) {
        self.header.set_mode(mode & 0o7777);
    }

    pub(super) fn device(&mut self, device: u64) -> Result<()> {
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let set = self.header.set_device_major(major);
        set.and_then(|()| self.header.set_device_minor(minor))
            .map_err(|error| Error::Internal(error.to_string()))
    }

    pub(super) fn size(&mut self, size: u64) -> Result<()> {
        if size <= LARGEST_NUMBER {
            self.header.set_size(size);
            return Ok(());
        }
        self.record("size", size.to_string().as_bytes())
    }

    pub(super) fn uid(&mut self, id: u32) -> Result<()> {
        if id <= LARGEST_ID {
            self.header.set_uid(id.into());
            return Ok(());
        }
        self.record("uid", id.to_string().as_bytes())
    }

    pub(super) fn gid(&mut self, id: u32) -> Result<()> {
        if id <= LARGEST_ID {
            self.header.set_gid(id.into());
            return Ok(());
        }
        self.record("gid", id.to_string().as_bytes())
    }

    pub(super) fn time(&mut self, seconds: i64) -> Result<()> {
        match u64::try_from(seconds) {
            Ok(seconds) if seconds <= LARGEST_NUMBER => {
                self.header.set_mtime(seconds);
                Ok(())
            }
            _ => self.record("mtime", seconds.to_string().as_bytes()),
        }
    }

    pub(super) fn write(mut self, out: &mut impl Write) -> Result<()> {
        if !self.records.is_empty() {
            out.write_all(&self.written_records()?).map_err(Error::from_writer)?;
        }
        self.header.set_cksum();
        out.write_all(self.header.as_bytes()).map_err(Error::from_writer)
    }

    /// The records as an entry of their own.
    fn written_records(&self) -> Result<Vec<u8>> {
        let records = self.records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        let mut tar = Builder::new(Vec::new());
        tar.append_pax_extensions(records).map_err(Error::from_writer)?;
        // What is left to the builder it ends as an archive.
        Ok(std::mem::take(tar.get_mut()))
    }
}

/// Whether a name can stand in the header if it has room there. For text that is
/// more than ASCII POSIX has records, which are UTF-8. What is no text stays in the
/// header, where bytes are bytes: not every reader knows records in other charsets.
fn stands_in_header(name: &[u8]) -> bool {
    name.is_ascii() || str::from_utf8(name).is_err()
}

/// What of a name has room, for readers that know no records.
fn cut(field: &mut [u8], name: &[u8]) {
    field.fill(0);
    for (to, from) in field.iter_mut().zip(name) {
        *to = *from;
    }
}
