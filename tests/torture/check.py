"""Checks image layouts by the image-spec, with nothing of the library.

Reads the path of a layout per line and answers each with a line of JSON:
  problems      what is wrong, as texts
  entries       for each entry of index.json, its name and its digest
  unreferenced  digests of blobs that nothing points at
  left          what stands in the layout and is no part of it
"""

import hashlib
import json
import os
import re
import stat
import sys

PARTS = {"oci-layout", "index.json", "blobs"}
INDEXES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
MANIFESTS = {
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
}
DIGEST = re.compile(r"(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128})")


class Check:
    def __init__(self, path):
        self.path = path
        self.problems = []
        self.seen = set()

    def read(self, *name):
        path = os.path.join(self.path, *name)
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                self.problems.append(f"{path} is no regular file")
                return None
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            self.problems.append(f"{path}: {error}")
            return None

    def parse(self, what, content):
        try:
            document = json.loads(content)
            if not isinstance(document, dict):
                raise ValueError("no object")
            return document
        except (ValueError, UnicodeDecodeError) as error:
            self.problems.append(f"{what} is torn: {error}")
            return {}

    def walk(self, descriptor, where):
        digest, size = descriptor["digest"], descriptor["size"]
        if digest in self.seen:
            return
        self.seen.add(digest)
        if not DIGEST.fullmatch(digest):
            self.problems.append(f"{where}: {digest} is no digest")
            return
        algorithm, encoded = digest.split(":")
        content = self.read("blobs", algorithm, encoded)
        if content is None:
            return
        if len(content) != size:
            self.problems.append(f"{where}: {digest} has {len(content)} bytes, not {size}")
        if hashlib.new(algorithm, content).hexdigest() != encoded:
            self.problems.append(f"{where}: {digest} has other content")
            return
        media_type = descriptor["mediaType"]
        if media_type in INDEXES:
            for child in self.parse(digest, content)["manifests"]:
                self.walk(child, digest)
        elif media_type in MANIFESTS:
            document = self.parse(digest, content)
            for child in [document["config"], *document["layers"]]:
                self.walk(child, digest)

    def blobs(self):
        """Every blob must be what its name says, whether it is pointed at or not."""
        unreferenced, left = [], []
        top = os.path.join(self.path, "blobs")
        for algorithm in sorted(os.listdir(top)):
            folder = os.path.join(top, algorithm)
            for encoded in sorted(os.listdir(folder)):
                digest = f"{algorithm}:{encoded}"
                if not DIGEST.fullmatch(digest):
                    left.append(f"blobs/{algorithm}/{encoded}")
                elif digest not in self.seen:
                    unreferenced.append(digest)
                    content = self.read("blobs", algorithm, encoded)
                    if content is not None and hashlib.new(algorithm, content).hexdigest() != encoded:
                        self.problems.append(f"{digest}, which nothing points at, has other content")
        return unreferenced, left

    def run(self):
        marker = self.read("oci-layout")
        if marker is not None and self.parse("oci-layout", marker) != {"imageLayoutVersion": "1.0.0"}:
            self.problems.append("oci-layout says something else")
        entries = []
        content = self.read("index.json")
        if content is not None:
            index = self.parse("index.json", content)
            if index.get("schemaVersion") != 2:
                self.problems.append("index.json has no schemaVersion")
            for entry in index.get("manifests") or []:
                name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name")
                entries.append([name, entry["digest"]])
                self.walk(entry, "index.json")
        unreferenced, left = self.blobs()
        left += sorted(set(os.listdir(self.path)) - PARTS)
        return {
            "problems": self.problems,
            "entries": entries,
            "unreferenced": unreferenced,
            "left": left,
        }


for line in sys.stdin:
    path = line.rstrip("\n")
    try:
        answer = Check(path).run()
    except Exception as error:  # the layout is what is at fault
        answer = {
            "problems": [f"{path}: {type(error).__name__}: {error}"],
            "entries": [],
            "unreferenced": [],
            "left": [],
        }
    print(json.dumps(answer), flush=True)
