//! A real registry: what this library writes is pushed by the user's own tool, and
//! comes back the same.

use super::tools::*;
use crate::support::{have_tools, run, spawn};
use ocilayout::{Append, Compression, ImageBuilder, IndexBuilder, Layout, Matcher};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// Debian's registry, on a port of the loopback that nobody else has.
struct Registry {
    server: Child,
    address: String,
}

impl Registry {
    fn start(scratch: &Path) -> Self {
        let config = scratch.join("registry.yml");
        let root = scratch.join("registry");
        let settings = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n",
            root.display()
        );
        fs::write(&config, settings).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut server = spawn(&mut command);
        let mut log = BufReader::new(server.stderr.take().unwrap());
        let address = address_in(&mut log);
        // A server whose log nobody reads would wait for that.
        thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Self { server, address }
    }

    fn image(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

fn address_in(log: &mut impl BufRead) -> String {
    let mut seen = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the registry ended:\n{seen}");
        if let Some((_, behind)) = line.split_once("listening on ") {
            return behind.split([' ', '"']).next().unwrap().to_owned();
        }
        seen.push_str(&line);
    }
}

#[test]
fn a_layout_is_pushed_and_pulled_back_digest_for_digest() {
    if !have_tools(&["docker-registry", "skopeo", "tar"]) {
        return;
    }
    let scratch = scratch();
    let registry = Registry::start(scratch.path());
    let path = scratch.path().join("layout");
    let layout = new_layout(&path);
    let tar = |name: &str| tar(scratch.path(), name, &[("name", name), ("etc/shared", "x")]);
    let plain = image(&layout, "linux/amd64", &tar("plain"));
    let arm = image(&layout, "linux/arm64/v8", &tar("arm"));
    let mut zstd = ImageBuilder::new(&layout);
    zstd.platform(&"linux/amd64".parse().unwrap()).unwrap();
    for (name, compression) in
        [("base", Compression::NONE), ("top", Compression::zstd(None).unwrap())]
    {
        zstd.layer(&layer(&layout, &tar(name), compression), None, None).unwrap();
    }
    let zstd = zstd.finish().unwrap();
    let mut multi = IndexBuilder::new(&layout);
    multi.manifest(&plain).unwrap().manifest(&arm).unwrap();
    let multi = multi.finish().unwrap();
    for (entry, name) in [(plain, "plain"), (zstd, "zstd"), (multi, "multi")] {
        layout.append(&named(entry, name), Append::default()).unwrap();
    }

    let pulled = scratch.path().join("pulled");
    for name in ["plain", "zstd", "multi"] {
        let remote = registry.image(&format!("ours/{name}:tag"));
        let whole = ["--all", "--preserve-digests"];
        let push = [&whole[..], &["--dest-tls-verify=false"]].concat();
        skopeo_copy(&push, &oci(&path, name), &remote);

        let entry = layout.resolve(name, None).unwrap();
        let raw = run(skopeo().args(["inspect", "--raw", "--tls-verify=false"]).arg(&remote));
        assert_eq!(raw.into_bytes(), fs::read(blob(&path, entry.digest().as_str())).unwrap());

        let pull = [&whole[..], &["--src-tls-verify=false"]].concat();
        skopeo_copy(&pull, &remote, &oci(&pulled, name));
    }
    let pulled_layout = Layout::open(&pulled).unwrap();
    assert_sound(&pulled_layout);
    assert_eq!(blobs(&pulled), blobs(&path));
    for digest in blobs(&path) {
        assert_eq!(
            fs::read(blob(&pulled, &digest)).unwrap(),
            fs::read(blob(&path, &digest)).unwrap()
        );
    }
    let entries = |layout: &Layout| below(layout, &layout.list(&Matcher::any()).unwrap());
    assert_eq!(entries(&pulled_layout), entries(&layout));
}
