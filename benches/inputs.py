"""The inputs, made once and kept in target/bench/inputs."""

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import zlib
from pathlib import Path

import layouts

MIB = 1024 * 1024
ROOT = Path(__file__).resolve().parent.parent
INPUTS = ROOT / "target/bench/inputs"


def make(names):
    """Makes those that are named, and says where each is."""
    INPUTS.mkdir(parents=True, exist_ok=True)
    return {name: maker() for name, maker in MAKERS.items() if name in names}


def once(path, fill):
    """Lets fill make path under another name, unless path is there."""
    if not path.exists():
        print(f"making {path.name}", flush=True)
        unfinished = path.with_name(f"{path.name}.unfinished")
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        fill(unfinished)
        unfinished.rename(path)
    return path


def rootfs():
    """The tar of a real root filesystem: a minimal Debian, by debootstrap, which
    only root can run; for others it is of this machine's own packages."""
    def fill(tar):
        if os.geteuid() != 0:
            subprocess.run([ROOT / "tools/rootfs-tar", tar], check=True)
            return
        tree = INPUTS / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        run = ["debootstrap", "--variant=minbase", "bookworm", tree]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["tar", "--sort=name", "--numeric-owner", "-C", tree, "-cf", tar, "."],
                       check=True)
        shutil.rmtree(tree)
    return str(once(INPUTS / "rootfs.tar", fill))


def archive():
    """rootfs.tar as the only layer of what `docker save` writes, for skopeo."""
    def fill(archive):
        folder = INPUTS / "docker"
        folder.mkdir(exist_ok=True)
        tar = Path(rootfs())
        (folder / "layer.tar").unlink(missing_ok=True)
        os.link(tar, folder / "layer.tar")
        diff_id = f"sha256:{digest_of(tar)}"
        config = {"architecture": "amd64", "os": "linux",
                  "rootfs": {"type": "layers", "diff_ids": [diff_id]}}
        manifest = [{"Config": "config.json", "RepoTags": ["bench:latest"],
                     "Layers": ["layer.tar"]}]
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "manifest.json").write_text(json.dumps(manifest))
        members = ["manifest.json", "config.json", "layer.tar"]
        subprocess.run(["tar", "-C", folder, "-cf", archive, *members], check=True)
        shutil.rmtree(folder)
    return str(once(INPUTS / "archive.tar", fill))


def blobs():
    """Four files of 256 MiB that nothing compresses. They are gzip all the same,
    of stored blocks, so that every tool takes them for layers. Each is called by
    its digest, a dash, and the digest of what is in it."""
    def fill(folder):
        folder.mkdir()
        for seed in range(4):
            draw = random.Random(seed)
            content = b"".join(draw.randbytes(MIB) for _ in range(256))
            gzip = zlib.compressobj(0, wbits=31)
            blob = gzip.compress(content) + gzip.flush()
            name = f"{hashlib.sha256(blob).hexdigest()}-{hashlib.sha256(content).hexdigest()}"
            (folder / name).write_bytes(blob)
    return sorted(str(blob) for blob in once(INPUTS / "blobs", fill).iterdir())


def files():
    """100,000 files of 1 to 4 KiB of hexadecimal digits, in 1,000 folders."""
    def fill(folder):
        draw = random.Random(100_000)
        for outer in range(1000):
            inner = folder / f"{outer:03}"
            inner.mkdir(parents=True)
            for number in range(100):
                size = draw.randint(512, 2048)
                (inner / f"{number:02}.txt").write_text(draw.randbytes(size).hex())
        set_times(folder)
    return str(once(INPUTS / "files", fill))


def big():
    """One file of 4 GiB, like the image of a disk: rootfs.tar again and again, which
    no compressor sees, since none looks back by as much."""
    def fill(folder):
        folder.mkdir()
        left = 4 * 1024 * MIB
        with open(folder / "disk.img", "wb") as image:
            while left > 0:
                with open(rootfs(), "rb") as tar:
                    left -= os.sendfile(image.fileno(), tar.fileno(), 0, left)
        set_times(folder)
    return str(once(INPUTS / "big", fill))


def small():
    """A layout of 4,000 small images."""
    return str(once(INPUTS / "small", lambda layout: small_layout(layout, every=1)))


def garbage():
    """The same, but only every second one has an entry."""
    return str(once(INPUTS / "garbage", lambda layout: small_layout(layout, every=2)))


def small_layout(layout, every):
    layouts.begin(layout)
    entries = [layouts.named(layouts.put_small_image(layout, number), layouts.small_name(number))
               for number in range(4000)]
    layouts.write_index(layout, entries[::every])


def entries():
    """A layout of 100,000 entries. What they point at is not there."""
    def fill(layout):
        layouts.begin(layout)
        digests = (hashlib.sha256(b"%d" % number).hexdigest() for number in range(100_000))
        layouts.write_index(layout, [
            layouts.named(layouts.descriptor(layouts.MANIFEST, digest, 400 + number % 100),
                          layouts.small_name(number))
            for number, digest in enumerate(digests)])
    return str(once(INPUTS / "entries", fill))


def verify():
    """The blobs, each as the only file of a layer, as go-containerregistry validates
    nothing but tars; in two layouts: sound, and broken in the last byte of the last
    layer."""
    def fill(folder):
        sound, broken = folder / "sound", folder / "broken"
        layouts.begin(sound)
        layers, diff_ids = zip(*(put_tar(sound, blob) for blob in blobs()))
        image = layouts.put_image(sound, layers, diff_ids)
        layouts.write_index(sound, [layouts.named(image, "image")])
        shutil.copytree(sound, broken, copy_function=os.link)
        last = broken / "blobs" / layers[-1]["digest"].replace(":", "/")
        content = bytearray(last.read_bytes())
        content[-1] ^= 1
        last.unlink()
        last.write_bytes(content)
    return str(once(INPUTS / "verify", fill))


def put_tar(layout, path):
    """Stores a gzip layer, of stored blocks, of one file. Says what points at it, and
    its diff ID."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as members:
        members.add(path, arcname="file")
    gzip = zlib.compressobj(0, wbits=31)
    layer = layouts.put(layout, layouts.LAYER_GZIP, gzip.compress(tar.getbuffer()) + gzip.flush())
    return layer, f"sha256:{hashlib.sha256(tar.getbuffer()).hexdigest()}"


def set_times(folder):
    """Gives all in a folder a whole second as their time, which every tar can hold."""
    for above, _, names in os.walk(folder):
        for path in [above, *(os.path.join(above, name) for name in names)]:
            os.utime(path, (1_700_000_000, 1_700_000_000))


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


MAKERS = {maker.__name__: maker for maker in
          [rootfs, archive, blobs, files, big, small, garbage, entries, verify]}
