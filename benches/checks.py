"""Looks at what a tool has left: whether it is what was asked for."""

import hashlib
import json
import subprocess
from pathlib import Path

from inputs import digest_of

STARTS = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
PIECE = 1024 * 1024


class Wrong(Exception):
    """The output is not what was asked for."""


def check(case, row, out, names):
    if row.leaves == "nothing":
        return
    if row.leaves == "layout":
        check_names(out)
    CHECKS[case.check](case, row, out, names)


def size(row, out):
    """Says how large the only layer is."""
    return only_layer(row, out).stat().st_size


def check_stream(case, row, out, names):
    """The layer decodes to the tar."""
    with decoder(only_layer(row, out), case.compression) as decode:
        found = hashlib.sha256()
        while piece := decode.stdout.read(PIECE):
            found.update(piece)
    finished(decode)
    if found.hexdigest() != digest_of(names[case.source]):
        raise Wrong(f"its layer does not decode to {names[case.source]}")


def check_directory(case, row, out, names):
    """The layer decodes to a tar of the directory, and of all that is in it."""
    folder = Path(names[case.source])
    with decoder(only_layer(row, out), case.compression) as decode:
        compare = subprocess.run(
            ["tar", "--compare", "--verbose", "--file=-", "--directory", folder],
            stdin=decode.stdout, capture_output=True, text=True)
    finished(decode)
    if compare.returncode != 0:
        raise Wrong(f"tar --compare: {(compare.stderr or compare.stdout)[-500:]}")
    members = {line.strip("./") for line in compare.stdout.splitlines()}
    expected = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    if missing := expected - members:
        raise Wrong(f"{len(missing)} files are not in its layer, such as {min(missing)}")


def check_blobs(case, row, out, names):
    """The layers are those that were given, or the loose blobs are."""
    known = {Path(path).name: Path(path).name.split("-")[0] for path in names[case.source]}
    if row.leaves == "blobs":
        for name, digest in known.items():
            if digest_of(out / name) != digest:
                raise Wrong(f"{name} is not what its name says")
        return
    [image] = images(out)
    if [layer["digest"] for layer in image["layers"]] != [f"sha256:{d}" for d in known.values()]:
        raise Wrong("its image has other layers")


def check_images(case, _row, out, _names):
    """Each small image is there, with the layer that is its own."""
    found = {layer["digest"] for image in images(out) for layer in image["layers"]}
    expected = {f"sha256:{hashlib.sha256(f'{number:<1024}'.encode()).hexdigest()}"
                for number in range(case.count)}
    if found != expected:
        raise Wrong(f"{len(found & expected)} of {case.count} images are there")


def check_names(layout):
    """Each blob is called by its digest."""
    for blob in (layout / "blobs/sha256").iterdir():
        if digest_of(blob) != blob.name:
            raise Wrong(f"{blob} is not what its name says")


def images(layout):
    """The manifests of all images that index.json names; what each points at has
    to be there."""
    index = json.loads((layout / "index.json").read_text())
    found = [json.loads(blob_of(layout, entry).read_text()) for entry in index["manifests"]]
    for image in found:
        for descriptor in [image["config"], *image["layers"]]:
            if blob_of(layout, descriptor).stat().st_size != descriptor["size"]:
                raise Wrong(f"{descriptor['digest']} is not of its size")
    return found


def blob_of(layout, descriptor):
    return layout / "blobs" / descriptor["digest"].replace(":", "/")


def only_layer(row, out):
    if row.leaves == "file":
        return out
    [image] = images(out)
    [layer] = image["layers"]
    return blob_of(out, layer)


def decoder(layer, compression):
    """A process that gives what is in the layer. Each of these compressions has a
    tool of its name."""
    start = STARTS[compression]
    with open(layer, "rb") as file:
        if file.read(len(start)) != start:
            raise Wrong(f"{layer} is not {compression}")
    with open(layer, "rb") as file:
        return subprocess.Popen([compression, "-dc"], stdin=file, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)


def finished(decode):
    if decode.returncode != 0:
        raise Wrong(f"{decode.args[0]} cannot decode its layer")


CHECKS = {
    "stream": check_stream,
    "directory": check_directory,
    "blobs": check_blobs,
    "images": check_images,
}
