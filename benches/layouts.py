"""Makes layouts out of nothing but Python, so that none of the tools that are
measured has had a hand in them."""

import hashlib
import json

LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = f"{LAYER}+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
PLATFORM = {"architecture": "amd64", "os": "linux"}


def begin(layout):
    (layout / "blobs/sha256").mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def put(layout, media_type, content):
    """Stores a blob, and says what points at it."""
    encoded = hashlib.sha256(content).hexdigest()
    (layout / "blobs/sha256" / encoded).write_bytes(content)
    return descriptor(media_type, encoded, len(content))


def descriptor(media_type, encoded, size):
    return {"mediaType": media_type, "digest": f"sha256:{encoded}", "size": size}


def put_image(layout, layers, diff_ids):
    """Stores the config and the manifest of an image whose layers are there."""
    config = {**PLATFORM, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                "config": put(layout, CONFIG, text(config)), "layers": layers}
    return put(layout, MANIFEST, text(manifest))


def put_small_image(layout, number):
    """Stores the small image of a number, the same as the drivers make."""
    layer = put(layout, LAYER, small_layer(number))
    return put_image(layout, [layer], [layer["digest"]])


def small_layer(number):
    return f"{number:<1024}".encode()


def small_name(number):
    return f"image-{number}"


def named(manifest, name):
    """The entry of index.json that calls an image by a name."""
    return {**manifest, "platform": PLATFORM,
            "annotations": {"org.opencontainers.image.ref.name": name}}


def write_index(layout, entries):
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    (layout / "index.json").write_bytes(text(index))


def text(document):
    return json.dumps(document, separators=(",", ":")).encode()
