//! Directories as layers: unpacked by others, there is nothing but what went in.

use super::tools::*;
use crate::support::{have_tools, output, run, skip};
use ocilayout::{
    BlobOptions, Compression, Descriptor, DirectoryOptions, ImageBuilder, Layout, OpenOptions,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const TOOLS: [&str; 13] = [
    "tar", "bsdtar", "umoci", "sh", "cp", "find", "python3", "mknod", "mkfifo", "setcap",
    "setfacl", "setfattr", "getfattr",
];

/// A tree with everything in it that a layer tells.
const EVERYTHING: &str = r#"
set -eu
mkdir -p bin "folder with space" etc/deep empty 'a\b' sticky closed
echo hello >bin/tool; chmod 4755 bin/tool
echo a >bin/setgid; chmod 2711 bin/setgid; chown 12:34 bin/setgid
chmod 1777 sticky; chmod 000 closed
echo b >'folder with space/new
line'
touch etc/zero; chmod 000 etc/zero; chown 3000000:4000000 etc/zero
ln etc/zero etc/deep/link; ln bin/tool zzz; ln -s ../bin/tool etc/to; ln etc/to etc/to2
ln -s "$(printf 't%.0s' $(seq 300))" long-target; ln -s /nowhere 'zië'
mknod null c 1 3; mknod loop b 7 3; mknod high c 300 70000; mkfifo pipe; ln pipe pipe2
chown -h 7:8 etc/to null pipe
n=$(printf 'n%.0s' $(seq 90)); mkdir -p $n/$n/$n; echo long >$n/$n/$n/$n; truncate -s 1M $n/$n/$n/hole; echo 100 >${n}0123456789; echo 101 >${n}01234567891
echo utf >'größe'; echo raw >"$(printf 'raw-\377\376')"; echo raw >"$(printf "raw-\\377$n$n")"
truncate -s 3M hole; printf x | dd of=hole bs=1 seek=1048577 conv=notrunc status=none; truncate -s 1M only-hole "$(printf "hole-\\377")"
head -c 2500000 /dev/urandom >large
touch -d 1960-01-01T00:00:00Z old; touch -d 2250-01-01T00:00:00Z late; touch -d @1.5 fraction
setfattr -n user.one -v two bin/tool; setfattr -n user.folder -v x etc; setfattr -n trusted.t -v y bin/setgid
setfattr -n trusted.link -v z -h etc/to; setfattr -n trusted.pipe -v z pipe
cp bin/tool bin/ping; setcap cap_net_raw+ep bin/ping; setfacl -m u:1234:rx,g:77:w large; setfacl -d -m g:5:rwx sticky
"#;

struct Bench(TempDir);

impl Bench {
    fn new() -> Option<Self> {
        if !have_tools(&TOOLS) {
            return None;
        }
        if !is_root() {
            skip("only root makes devices and files of others");
            return None;
        }
        Some(Self(scratch()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn folder(&self, name: &str) -> PathBuf {
        fs::create_dir(self.path(name)).unwrap();
        self.path(name)
    }

    fn script(&self, name: &str, script: &str) {
        run(Command::new("sh")
            .args(["-c", script])
            .env("LC_ALL", "C")
            .current_dir(self.path(name)));
    }

    fn layout(&self) -> Layout {
        OpenOptions::new().create().open(self.path("layout")).unwrap()
    }

    /// Names an image of these layers, which umoci then unpacks.
    fn unpacked(&self, name: &str, layers: &[&Descriptor]) -> PathBuf {
        let layout = self.layout();
        let mut image = ImageBuilder::new(&layout);
        image.platform(&"linux/amd64".parse().unwrap()).unwrap();
        for layer in layers {
            image.layer(layer, None, None).unwrap();
        }
        let image = named(image.finish().unwrap(), name);
        layout.append(&image, ocilayout::Append::new()).unwrap();
        umoci_files("unpack", &self.path("layout"), name, &[&self.path(name)]);
        self.path(name).join("rootfs")
    }
}

/// Every file with all that is to be the same, but for contents.
fn listing(folder: &Path) -> Vec<String> {
    let format = "%P %y %m %U:%G %Ts %s %n %l\\n";
    let find = "find . -mindepth 1 ! -type d -printf \"$0\"; find . -type d -printf '%P %y %m %U:%G %Ts\\n'; \
                getfattr -R -P -h -d -m '^(user|trusted|security.capability|system.posix)' -e hex .";
    let mut sh = Command::new("sh");
    sh.env("LC_ALL", "C").args(["-c", find, format]).current_dir(folder);
    let output = output(&mut sh);
    assert!(output.status.success(), "{output:?}");
    let text = output.stdout.escape_ascii().to_string();
    let mut blocks: Vec<String> = text.split("\\n").map(str::to_owned).collect();
    blocks.sort();
    blocks
}

/// Asserts that two trees are the same to `diff`, `find` and `getfattr`.
fn assert_same(one: &Path, other: &Path) {
    let (here, there) = (listing(one), listing(other));
    let only = |one: &[String], other: &[String]| {
        one.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>()
    };
    assert!(here == there, "{:#?}\n{:#?}", only(&here, &there), only(&there, &here));
    let script = r#"
import os, sys
def walk(top):
    return {os.path.relpath(os.path.join(d, f), top): os.path.join(d, f)
            for d, _, files in os.walk(os.fsencode(top)) for f in files}
one, other = map(walk, map(os.fsencode, sys.argv[1:]))
assert one.keys() == other.keys(), one.keys() ^ other.keys()
for name, path in one.items():
    if os.path.isfile(path) and not os.path.islink(path):
        assert open(path, "rb").read() == open(other[name], "rb").read(), name
def links(tree):
    by_file = {}
    for name, path in tree.items():
        s = os.lstat(path)
        by_file.setdefault((s.st_dev, s.st_ino), set()).add(name)
    return sorted(map(sorted, by_file.values()))
assert links(one) == links(other)
"#;
    run(Command::new("python3").args(["-c", script]).args([one, other]));
}

/// Asserts that GNU tar finds the tree to be what is in the archive. It has its
/// say about what it knows only.
fn assert_compares(tar: &Path, folder: &Path) {
    let mut compare = Command::new("tar");
    // POSIX's record for names in no charset is one that it does not know.
    compare.env("LC_ALL", "C").args(["--warning=no-unknown-keyword", "--compare"]);
    compare.args(["--numeric-owner", "--xattrs", "--file"]);
    let output = output(compare.arg(tar).arg("--directory").arg(folder));
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert_eq!((String::from_utf8_lossy(&said).as_ref(), output.status.code()), ("", Some(0)));
}

#[test]
fn everything_comes_out_as_it_went_in() {
    let Some(bench) = Bench::new() else { return };
    let tree = bench.folder("tree");
    bench.script("tree", EVERYTHING);
    let without_access_lists = bench.path("without-access-lists");
    run(Command::new("cp").args(["-a", "-T"]).args([&tree, &without_access_lists]));
    bench.script("without-access-lists", "setfacl -b large sticky; chmod 674 large");
    let (layout, none) = (bench.layout(), BlobOptions::new());
    for (name, options) in
        [("plain", DirectoryOptions::new()), ("sparse", DirectoryOptions::new().sparse())]
    {
        let layer = layout.put_directory(&tree, &options, &none).unwrap();
        let tar = blob(&bench.path("layout"), layer.digest().as_str());

        let by_gnu = bench.folder(&format!("{name}-gnu"));
        let mut extract = Command::new("tar");
        extract.args(["--extract", "--preserve-permissions", "--numeric-owner", "--xattrs"]);
        extract.args(["--xattrs-include=*", "--file"]).arg(&tar).arg("-C").arg(&by_gnu);
        run(&mut extract);
        assert_same(&tree, &by_gnu);
        assert_compares(&tar, &by_gnu);

        let by_bsd = bench.folder(&format!("{name}-bsd"));
        // In another locale it complains of names, and extracts them all the same.
        let mut extract = Command::new("bsdtar");
        extract.env("LC_ALL", "C.UTF-8").args([
            "-x",
            "-p",
            "--same-owner",
            "--numeric-owner",
            "--xattrs",
            "-f",
        ]);
        run(extract.arg(&tar).arg("-C").arg(&by_bsd));
        // It takes access lists from records of its own only, and leaves the time of
        // the directory that it extracts to as it is.
        run(Command::new("touch").arg("-r").arg(&tree).arg(&by_bsd));
        assert_same(&without_access_lists, &by_bsd);
        assert_compares(&tar, &by_bsd);

        let by_umoci = bench.unpacked(name, &[&layer]);
        assert_same(&tree, &by_umoci);
        assert_compares(&tar, &by_umoci);
    }
}

#[test]
fn a_difference_makes_the_one_of_the_other() {
    let Some(bench) = Bench::new() else { return };
    let lower = bench.folder("lower");
    bench.script("lower", EVERYTHING);
    bench.script(
        "lower",
        "mkdir -p gone/deeper; echo x >gone/deeper/x; ln large large2; ln large large3",
    );
    let upper = bench.path("upper");
    run(Command::new("cp").args(["-a", "-T"]).args([&lower, &upper]));
    bench.script(
        "upper",
        r#"
        set -eu
        rm -r gone 'folder with space'; rm null etc/deep/link; mkdir null; echo x >null/x
        rm -r empty; ln -s etc empty; ln bin/tool etc/deep/tool; rm large3; ln large sticky/large3
        setfattr -n user.one -v three bin/tool; setfattr -x user.folder etc; chmod 711 closed
        touch -d @77 zzz; printf y | dd of=hole bs=1 seek=2000000 conv=notrunc status=none
        rm pipe2; mkfifo pipe2; rm etc/to; ln -s other etc/to; setfacl -b sticky
        mkdir -p new/folder; echo new >new/folder/file; ln new/folder/file new/again
        "#,
    );
    let (layout, gzip) = (bench.layout(), Compression::gzip(None).unwrap());
    let (none, gzip) = (DirectoryOptions::new(), BlobOptions::new().compression(gzip));
    let base = layout.put_directory(&lower, &none, &gzip).unwrap();
    let change = layout.put_difference(&lower, &upper, &none, &gzip).unwrap();
    assert_same(&upper, &bench.unpacked("changed", &[&base, &change]));
    // And back again.
    let back = layout.put_difference(&upper, &lower, &none, &gzip).unwrap();
    assert_same(&lower, &bench.unpacked("back", &[&base, &change, &back]));
}
