"""Looks at what a tool has left: whether it is what was asked for."""

import hashlib
import json
import shlex
import subprocess
from pathlib import Path

from inputs import digest_of
from layouts import small_layer, small_name

STARTS = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
# For gzip the quickest, since it has gigabytes to decode.
DECODERS = {"gzip": "igzip", "zstd": "zstd"}
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
    expected = {layer_of(number) for number in range(case.count)}
    if found != expected:
        raise Wrong(f"{len(found & expected)} of {case.count} images are there")


def check_replaced(case, _row, out, _names):
    """Every so many names stand for another image, and the rest for what they did."""
    edited = range(0, case.count, case.step)
    check_named(out, {small_name(number): layer_of(number + case.count * (number in edited))
                      for number in range(case.count)})


def check_removed(case, _row, out, _names):
    """Every so many names are gone, and no others."""
    edited = range(0, case.count, case.step)
    check_named(out, {small_name(number): layer_of(number)
                      for number in range(case.count) if number not in edited})


def check_named(layout, expected):
    """Each name is there once, for an image of this one layer. Entries without a
    name do not count: oras-go keeps such of what it replaces."""
    found = sorted((name, layer["digest"]) for name, image in named_images(layout)
                   if name for layer in image["layers"])
    if wrong := set(found) ^ set(expected.items()):
        raise Wrong(f"{len(wrong)} names are wrong, such as {min(wrong)}")
    if len(found) != len(expected):
        raise Wrong(f"{len(found)} names rather than {len(expected)}")


def check_collected(case, _row, out, _names):
    """Every second image is there, and no blob but what belongs to these."""
    kept = {layer_of(number) for number in range(0, case.count, case.step)}
    live = set()
    for entry in entries(out):
        image = json.loads(blob_of(out, entry).read_text())
        live |= {found["digest"] for found in [entry, image["config"], *image["layers"]]}
    if not kept <= live or len(live) != 3 * len(kept):
        raise Wrong("its images are others")
    if wrong := live ^ {f"sha256:{blob.name}" for blob in (out / "blobs/sha256").iterdir()}:
        raise Wrong(f"{len(wrong)} blobs are missing or too many, such as {min(wrong)}")


def check_told(case, _row, out, names):
    """It has told how many entries it read, and the sums of the lengths of their
    names and of the last characters of their digests."""
    read = entries(Path(names[case.source]))[::case.step]
    expected = [len(read), sum(len(reference(entry)) for entry in read),
                sum(ord(entry["digest"][-1]) for entry in read)]
    told = out.read_text().split()
    if told[:3] != [str(number) for number in expected]:
        raise Wrong(f"it told {told} rather than {expected}")


def check_verified(case, row, _out, names):
    """It finds fault with the broken layout, where one bit of the last layer is
    another."""
    command = [word.replace("{verify}/sound", "{verify}/broken").format_map(names)
               for word in shlex.split(row.command)]
    if subprocess.run(command, capture_output=True).returncode == 0:
        raise Wrong(f"it takes {names[case.source]}/broken for sound")


def check_names(layout):
    """Each blob is called by its digest."""
    for blob in (layout / "blobs/sha256").iterdir():
        if digest_of(blob) != blob.name:
            raise Wrong(f"{blob} is not what its name says")


def images(layout):
    """The manifests of all images that index.json names; what each points at has
    to be there."""
    return [image for _, image in named_images(layout)]


def named_images(layout):
    """The same, each with its name."""
    found = [(reference(entry), json.loads(blob_of(layout, entry).read_text()))
             for entry in entries(layout)]
    for _, image in found:
        for descriptor in [image["config"], *image["layers"]]:
            if blob_of(layout, descriptor).stat().st_size != descriptor["size"]:
                raise Wrong(f"{descriptor['digest']} is not of its size")
    return found


def entries(layout):
    return json.loads((layout / "index.json").read_text())["manifests"]


def reference(entry):
    return entry.get("annotations", {}).get("org.opencontainers.image.ref.name")


def layer_of(number):
    """The digest of the layer of a small image."""
    return f"sha256:{hashlib.sha256(small_layer(number)).hexdigest()}"


def blob_of(layout, descriptor):
    return layout / "blobs" / descriptor["digest"].replace(":", "/")


def only_layer(row, out):
    if row.leaves == "file":
        return out
    [image] = images(out)
    [layer] = image["layers"]
    return blob_of(out, layer)


def decoder(layer, compression):
    """A process that gives what is in the layer."""
    start = STARTS[compression]
    with open(layer, "rb") as file:
        if file.read(len(start)) != start:
            raise Wrong(f"{layer} is not {compression}")
    with open(layer, "rb") as file:
        return subprocess.Popen([DECODERS[compression], "-dc"], stdin=file, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)


def finished(decode):
    if decode.returncode != 0:
        raise Wrong(f"{decode.args[0]} cannot decode its layer")


CHECKS = {
    "stream": check_stream,
    "directory": check_directory,
    "blobs": check_blobs,
    "images": check_images,
    "replaced": check_replaced,
    "removed": check_removed,
    "collected": check_collected,
    "told": check_told,
    "verified": check_verified,
}
