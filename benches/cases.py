"""What is measured, and what it must show. Nothing here runs anything.

A command is words; {out} is where its output goes, which is not there before,
and the other braces are what inputs.py and tools.py have made.
"""

from dataclasses import dataclass, replace

OURS = "ours"
OURS_NONE = "ours, durability none"
OURS_TRUSTED = "ours, trusted, durability none"
OURS_RUST = "ours, from Rust"
OURS_GO = "ours, from Go"
OURS_ADAPTER = "ours, by the adapter"
OURS_ORDERED = "ours, durability ordered"
GGCR = "go-containerregistry"
OCIDIR = "ocidir"
ORAS = "oras-go"
REGCLIENT = "regclient"
UMOCI = "umoci"
PIGZ = "pigz"
TYPED = "floor: parse as an index"


@dataclass(frozen=True)
class Row:
    name: str
    command: str
    how: str = ""  # for the reader: what of the tool is used, what it leaves out
    before: tuple = ()  # commands that make ready, which are not measured
    leaves: str = "layout"  # or "file", "blobs" (loose ones), "told" (on its standard
    # output), "verdict" (its status), "nothing"
    times_itself: bool = False  # the last word that it tells is microseconds
    floor: bool = False  # no tool, but what the machine allows
    slow: bool = False  # left out of the quick form


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    rows: tuple  # the first is what the others are compared with
    check: str  # which function of checks.py looks at the outputs
    source: str = ""  # the input that it has to be
    count: int = 0  # how many images it has to have, or has at first
    step: int = 1  # each so many of those are edited, looked up or kept
    disk: bool = False  # on a disk, rather than in memory
    compression: str = ""  # what its layer has to be; then outputs differ in size
    runs: int = 5  # beside one that warms up, which one run and the quick form have not
    quick: bool = True  # part of the quick form


@dataclass(frozen=True)
class Limit:
    case: str
    ours: str
    peer: str
    # At most so much of the peer's, where it matters.
    time: float | None = None
    size: float | None = None


def add_layer(umoci, compression, layer="{rootfs}"):
    """umoci puts a layer on an image that is there."""
    image = "--image {out}:image"
    return {
        "before": (f"{umoci} init --layout {{out}}", f"{umoci} new {image}"),
        "command": f"{umoci} raw add-layer {compression} {image} {layer}",
    }


def insert(umoci, directory):
    image = "--image {out}:image"
    return {
        "before": (f"{umoci} init --layout {{out}}", f"{umoci} new {image}"),
        "command": f"{umoci} insert {image} {directory} /",
    }


GZIP = Case(
    "gzip",
    "A root filesystem's tar to a gzip layer, each with its default settings",
    check="stream", source="rootfs", compression="gzip", runs=3,
    rows=(
        Row(OURS, "{ours} layer full {out} {rootfs} gzip -1", "from a C callback"),
        Row("ours, isal", "{ours_isal} layer full {out} {rootfs} gzip -1",
            "built with the feature isal"),
        Row(GGCR, "{peers} ggcr-stream {out} {rootfs}", "stream.NewLayer, level 1"),
        Row(UMOCI, how="raw add-layer, pgzip", **add_layer("{umoci}", "--compress=gzip")),
        Row("umoci of Debian", how="raw add-layer", slow=True, **add_layer("umoci", "")),
        Row("skopeo", "skopeo copy --insecure-policy docker-archive:{archive} oci:{out}:image",
            "copy from a docker-archive", slow=True),
        Row("igzip", "sh -c 'igzip -1 -c \"$0\" >\"$1\"' {rootfs} {out}",
            "-1; compresses only", leaves="file"),
    ),
)

GZIP_6 = Case(
    "gzip-6",
    "The same tar to a gzip layer, at level 6",
    check="stream", source="rootfs", compression="gzip", runs=2,
    rows=(
        Row(OURS, "{ours} layer full {out} {rootfs} gzip 6", "from a C callback"),
        Row(PIGZ, "sh -c 'pigz -6 -p2 -c \"$0\" >\"$1\"' {rootfs} {out}",
            "-6 -p2; compresses only", leaves="file"),
        Row("gzip", "sh -c 'gzip -6 -c \"$0\" >\"$1\"' {rootfs} {out}",
            "-6; compresses only", leaves="file", slow=True),
        Row(GGCR, "{peers} ggcr-stream {out} {rootfs} 6", "stream.NewLayer", slow=True),
        Row(OCIDIR, "{ocidir} gzip {out} {rootfs}", "create_gzip_layer", slow=True),
    ),
)

ZSTD = Case(
    "zstd-3",
    "The same tar to a zstd layer, at level 3",
    check="stream", source="rootfs", compression="zstd",
    rows=(
        Row(OURS, "{ours} layer full {out} {rootfs} zstd 3", "from a C callback"),
        Row(OCIDIR, "{ocidir} zstd {out} {rootfs} 2", "create_layer_zstd_multithread, 2 workers"),
        Row(UMOCI, how="raw add-layer", **add_layer("{umoci}", "--compress=zstd")),
    ),
)

BLOBS = Case(
    "blobs",
    "Four layers of 256 MiB whose digests are known, on the disk",
    check="blobs", source="blobs", disk=True, runs=7,
    rows=(
        Row(OURS, "{ours} blobs full {out} {blobs}",
            "put_all; checked, and on the disk at the end"),
        Row(OURS_ORDERED, "{ours} blobs ordered {out} {blobs}", "checked"),
        Row(OURS_NONE, "{ours} blobs none {out} {blobs}", "checked"),
        Row(OURS_TRUSTED, "{ours} trusted none {out} {blobs}", "checks nothing but sizes"),
        Row(GGCR, "{peers} ggcr-blobs {out} {blobs}",
            "AppendImage, digests given; checks nothing, waits for nothing"),
        Row(OCIDIR, "{ocidir} blobs {out} {blobs}",
            "a thread per blob; checked, no wait for blobs"),
        Row(ORAS, "{peers} oras-blobs {out} {blobs}",
            "Push, a goroutine per blob; checked, waits for nothing"),
        Row(REGCLIENT, "{peers} regclient-blobs {out} {blobs}",
            "BlobPut, a goroutine per blob; checked, waits for nothing"),
        Row("floor: hash and write, durable", "{floors} durable {out} {blobs}",
            "all cores, writing out begun early, fsync", leaves="blobs", floor=True),
        Row("floor: hash and write", "{floors} write {out} {blobs}",
            "all cores", leaves="blobs", floor=True),
        Row("floor: copy", "{floors} copy {out} {blobs}",
            "in the kernel, all cores, no hash", leaves="blobs", floor=True),
        Row("floor: hash", "{floors} hash {blobs}",
            "one core, nothing written", leaves="nothing", floor=True),
    ),
)


def crossing(case, runs, *rows):
    """The first row of a case beside the same from other languages."""
    return replace(
        case, name=f"crossing-{case.compression}",
        title=f"The same tar to a {case.compression} layer, from each language",
        rows=(case.rows[0], *rows), runs=runs, quick=False,
    )


CROSSING_GZIP = crossing(
    GZIP, 11,
    Row(OURS_RUST, "{ours_rust} layer {out} {rootfs} gzip", "from a Rust File"),
    Row(OURS_GO, "{ours_go} {out} {rootfs}", "from a Go reader"),
)

CROSSING_ZSTD = crossing(
    ZSTD, 21,
    Row(OURS_RUST, "{ours_rust} layer {out} {rootfs} zstd", "from a Rust File"),
)

CROSSING_BLOBS = Case(
    "crossing-blobs",
    "The same layers of known digests, where no disk is waited for",
    check="blobs", source="blobs", quick=False,
    rows=(
        Row(OURS, "{ours} blobs full {out} {blobs}", "put_all, from C"),
        Row(OURS_RUST, "{ours_rust} blobs {out} {blobs}", "the same, from Rust"),
    ),
)

FILES = Case(
    "files",
    "A directory of 100,000 small files to a gzip layer",
    check="directory", source="files", compression="gzip", runs=2, quick=False,
    rows=(
        Row(OURS, "{ours} directory full {out} {files} gzip -1", "put_directory"),
        Row("tar and pigz",
            "sh -c 'tar --sort=name -C \"$0\" -c . | pigz -p2 >\"$1\"' {files} {out}",
            "pigz -p2; hashes nothing", leaves="file"),
        Row("bsdtar and pigz", "sh -c 'bsdtar -C \"$0\" -c . | pigz -p2 >\"$1\"' {files} {out}",
            "pigz -p2; hashes nothing", leaves="file"),
        Row(UMOCI, how="insert, pgzip", **insert("{umoci}", "{files}")),
    ),
)

BIG_FILE = Case(
    "big-file",
    "A directory of one file of 4 GiB, like the image of a disk, to a gzip layer",
    check="directory", source="big", compression="gzip", runs=1, quick=False,
    rows=(
        Row(OURS, "{ours} directory full {out} {big} gzip -1", "put_directory"),
        Row("tar and pigz", "sh -c 'tar -C \"$0\" -c . | pigz -p2 >\"$1\"' {big} {out}",
            "pigz -p2; hashes nothing", leaves="file"),
        Row(UMOCI, how="insert, pgzip", **insert("{umoci}", "{big}")),
    ),
)


def one_by_one(count, durability, more=(), **case):
    ours = OURS if durability == "full" else OURS_NONE
    return Case(
        f"images-{count}-{durability}",
        f"{count:,} small images, one by one, durability {durability}",
        check="images", count=count, disk=durability == "full",
        rows=(
            Row(ours, f"{{ours}} images {durability} {{out}} {count}",
                "append" + ("; all on the disk each time" if durability == "full" else "")),
            *more,
            Row(GGCR, f"{{peers}} ggcr-images {{out}} {count}", "AppendImage; waits for nothing"),
            Row(OCIDIR, f"{{ocidir}} images {{out}} {count}", "waits for index.json only"),
            Row(ORAS, f"{{peers}} oras-images {{out}} {count}", "Push and Tag; waits for nothing"),
            Row(REGCLIENT, f"{{peers}} regclient-images {{out}} {count}",
                "BlobPut and ManifestPut; waits for nothing", slow=True),
        ),
        **case,
    )


def at_once(count, more=(), **case):
    return Case(
        f"batch-{count}",
        f"{count:,} small images at once, on the disk",
        check="images", count=count, disk=True,
        rows=(
            Row(OURS, f"{{ours}} batch full {{out}} {count}",
                "a transaction, on the disk at the end"),
            Row(OURS_NONE, f"{{ours}} batch none {{out}} {count}", "a transaction"),
            Row(GGCR, f"{{peers}} ggcr-batch {{out}} {count}",
                "layout.Write of an index built before; waits for nothing"),
            Row(ORAS, f"{{peers}} oras-batch {{out}} {count}",
                "AutoSaveIndex off; waits for nothing"),
            *more,
        ),
        **case,
    )


def edit(verb, title, *rows):
    """Every 40th name of 4,000 is edited, one by one."""
    copied = ("cp -a {small} {out}",)
    return Case(
        f"{verb}-4000", title, check=f"{verb}d", count=4000, step=40, runs=2, quick=False,
        rows=tuple(Row(name, f"{{{tool}}} {command} {{out}} 4000 40", how, copied)
                   for name, tool, command, how in rows),
    )


REPLACE = edit(
    "replace", "100 of 4,000 small images get another in their place, one by one, durability none",
    (OURS_NONE, "ours_index", "replace", "replace by a name matcher"),
    (GGCR, "peers", "ggcr-replace", "ReplaceImage by match.Name; waits for nothing"),
    (OCIDIR, "ocidir", "replace", "insert_manifest_and_config; waits for index.json only"),
    (ORAS, "peers", "oras-replace", "Push and Tag; keeps an entry of the old; waits for nothing"),
)

REMOVE = edit(
    "remove", "100 of 4,000 small images lose their entries, one by one, durability none",
    (OURS_NONE, "ours_index", "remove", "remove by a name matcher"),
    (GGCR, "peers", "ggcr-remove", "RemoveDescriptors by match.Name; waits for nothing"),
    (ORAS, "peers", "oras-remove", "Untag; keeps an entry without the name; waits for nothing"),
)


def told(name, command, how, **row):
    return Row(name, command, how, leaves="told", **row)


LIST = Case(
    "list-100000", "Open a layout of 100,000 entries, and read the digest and name of each",
    check="told", source="entries", count=100_000, disk=True,
    rows=(
        told(OURS, "{ours_index} list {entries}", "list"),
        told(GGCR, "{peers} ggcr-list {entries}", "ImageIndexFromPath, IndexManifest"),
        told(OCIDIR, "{ocidir} list {entries}", "read_index"),
        told(ORAS, "{peers} oras-list {entries}",
             "oci.New, Tags, Resolve; would read manifests, if they were there"),
        told(TYPED, "{ocidir} typed {entries}", "serde_json into oci-spec's ImageIndex",
             floor=True),
        told("floor: parse as any JSON", "{ocidir} value {entries}",
             "serde_json into its Value", floor=True),
    ),
)

RESOLVE = Case(
    "resolve-100000", "Open a layout of 100,000 entries, and find 100 of them by their names",
    check="told", source="entries", count=100_000, disk=True, step=1000, runs=1, quick=False,
    rows=(
        told(OURS, "{ours_index} resolve {entries} 100000 1000", "resolve", times_itself=True),
        told(GGCR, "{peers} ggcr-resolve {entries} 100000 1000",
             "IndexManifest once, match.Name"),
        told(OCIDIR, "{ocidir} resolve {entries} 100000 1000",
             "find_manifest_descriptor_with_tag; reads index.json for each", slow=True),
        told(ORAS, "{peers} oras-resolve {entries} 100000 1000",
             "oci.New, Resolve; would read manifests, if they were there"),
    ),
)

RESOLVE_ALL = Case(
    "resolve-all", "The same, for each of the 100,000 names",
    check="told", source="entries", count=100_000, disk=True, runs=3, quick=False,
    rows=(
        told(OURS, "{ours_index} resolve {entries} 100000 1", "resolve", times_itself=True),
        told(ORAS, "{peers} oras-resolve {entries} 100000 1",
             "oci.New, Resolve; would read manifests, if they were there"),
    ),
)

VERIFY = Case(
    "verify", "An image of four layers of 256 MiB, verified",
    check="verified", source="verify", disk=True, runs=3,
    rows=(
        Row(OURS, "{ours_index} verify {verify}/sound", "verify", leaves="verdict"),
        Row(OCIDIR, "{ocidir} verify {verify}/sound", "fsck", leaves="verdict"),
        Row(GGCR, "{peers} ggcr-verify {verify}/sound",
            "validate.Image; decompresses, and reads the tars", leaves="verdict", slow=True),
        Row("floor: hash, all cores", "{floors} hash-all {blobs}",
            "as many bytes, nothing compared", leaves="nothing", floor=True),
    ),
)


def collected(name, command, how, **row):
    return Row(name, command, how, ("cp -a {garbage} {out}",), **row)


COLLECT = Case(
    "gc", "4,000 small images, of which every second is garbage",
    check="collected", count=4000, step=2, runs=1, quick=False,
    rows=(
        collected(OURS_NONE, "{ours_index} collect {out}", "collect, no time of grace"),
        collected(UMOCI, "{umoci} gc --layout {out}", "gc"),
        collected(ORAS, "{peers} oras-collect {out}", "oci.New, GC"),
        collected(GGCR, "{peers} ggcr-collect {out}",
                  "GarbageCollect, which lists; RemoveBlob of each"),
    ),
)


CASES = (
    GZIP,
    GZIP_6,
    ZSTD,
    BLOBS,
    CROSSING_GZIP,
    CROSSING_ZSTD,
    CROSSING_BLOBS,
    FILES,
    BIG_FILE,
    one_by_one(1000, "none", runs=3),
    one_by_one(1000, "full", runs=3, quick=False, more=(
        Row(OURS_ADAPTER, "{adapter} ggcr-images {out} 1000",
            "AppendImage by our import path; all on the disk each time"),)),
    one_by_one(4000, "none", runs=1, quick=False),
    at_once(100, runs=25),
    at_once(1000, more=(Row(OURS_RUST, "{ours_rust} batch {out} 1000", "the same"),)),
    at_once(10_000, runs=2, quick=False),
    at_once(100_000, runs=1, quick=False),
    REPLACE,
    REMOVE,
    LIST,
    RESOLVE,
    RESOLVE_ALL,
    VERIFY,
    COLLECT,
)

# What their first rows take is told by the stage.
STAGED = (GZIP, GZIP_6, ZSTD)

LIMITS = (
    Limit("gzip", OURS, GGCR, time=0.62, size=1.0),
    Limit("gzip", OURS, UMOCI, time=0.80, size=1.01),
    Limit("gzip", "ours, isal", GGCR, time=0.40, size=1.0),
    Limit("gzip-6", OURS, PIGZ, time=0.5),
    Limit("gzip-6", OURS, "gzip", size=1.0),
    Limit("zstd-3", OURS, OCIDIR, time=0.9, size=1.0),
    Limit("blobs", OURS, "floor: hash and write, durable", time=1.2),
    Limit("blobs", OURS_NONE, OCIDIR, time=1.0),
    Limit("blobs", OURS_TRUSTED, GGCR, time=1.1),
    Limit("crossing-gzip", OURS, OURS_RUST, time=1.02),
    Limit("crossing-gzip", OURS_GO, OURS, time=1.05),
    Limit("crossing-zstd", OURS, OURS_RUST, time=1.02),
    Limit("crossing-blobs", OURS, OURS_RUST, time=1.02),
    Limit("files", OURS, "tar and pigz", time=1.0),
    Limit("files", OURS, UMOCI, time=1.0),
    Limit("big-file", OURS, "tar and pigz", time=1.0),
    Limit("big-file", OURS, UMOCI, time=1.0),
    Limit("images-1000-none", OURS_NONE, GGCR, time=0.15),
    Limit("images-1000-full", OURS, GGCR, time=0.6),
    Limit("images-4000-none", OURS_NONE, GGCR, time=0.05),
    *(Limit(f"batch-{count}", ours, GGCR, time=0.7)
      for count in [100, 1000, 10_000, 100_000] for ours in [OURS, OURS_NONE]),
    Limit("list-100000", OURS, TYPED, time=1.5),
)
