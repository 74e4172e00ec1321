"""Builds our drivers and those of the peers, in target/bench/build."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from inputs import ROOT

BENCHES = ROOT / "benches"
BUILD = ROOT / "target/bench/build"
UMOCI = "github.com/opencontainers/umoci@v0.6.0"


def build():
    """Builds all of them, and says where each is."""
    BUILD.mkdir(parents=True, exist_ok=True)
    describe_ours()
    return {
        "ours": ours("ours", ROOT / "target/release", "ours"),
        "ours_index": ours("ours-index", ROOT / "target/release", "ours_index"),
        "ours_isal": ours("ours-isal", with_isal(), "ours"),
        "ours_rust": cargo_built("ours-rust", BENCHES / "ours-rust"),
        "ours_go": go_built("ours-go", ".", BENCHES / "ours-go"),
        "adapter": go_built("adapter", ".", with_adapter()),
        "floors": compiled("floors", libcrypto()),
        "peers": go_built("peers", ".", BENCHES / "peers/go"),
        "umoci": go_built("umoci", "./cmd/umoci", downloaded(UMOCI)),
        "ocidir": cargo_built("ocidir-peer", BENCHES / "peers/ocidir"),
    }


def run(*words, cwd=ROOT):
    done = subprocess.run([str(word) for word in words], cwd=cwd, text=True,
                          env=os.environ | {"PKG_CONFIG_PATH": str(BUILD)}, stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(str(word) for word in words)}: status {done.returncode}")
    return done.stdout


def compiled(name, flags, source=None):
    program = BUILD / name
    source = BENCHES / f"{source or name}.c"
    run("cc", "-O2", "-Wall", "-Wextra", source, "-o", program, "-pthread", *flags)
    return str(program)


def ours(name, library, source):
    """A driver of ours, as a user links it: by the header and the shared library."""
    link = library / f"libocilayout.so.{'.'.join(version().split('.')[:2])}"
    link.unlink(missing_ok=True)
    link.symlink_to("libocilayout.so")
    return compiled(name, [*compiling(), *linking(library)], source)


def compiling():
    return [f"-I{ROOT}/include"]


def linking(library):
    return [f"-L{library}", "-locilayout", f"-Wl,-rpath,{library}"]


def describe_ours():
    """Tells pkg-config of the library as it was built, for the Go package."""
    (BUILD / "ocilayout.pc").write_text(
        f"Name: ocilayout\nDescription: as it was built\nVersion: {version()}\n"
        f"Cflags: {' '.join(compiling())}\nLibs: {' '.join(linking(ROOT / 'target/release'))}\n")


def with_adapter():
    """The driver of the Go peers, in which another import path has ours take the place of
    go-containerregistry's layouts."""
    folder = BUILD / "with-adapter"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(BENCHES / "peers/go", folder)
    for source in folder.glob("*.go"):
        source.write_text(source.read_text().replace(
            '"github.com/google/go-containerregistry/pkg/v1/layout"',
            '"github.com/ocilayout/ocilayout/go/ggcr/layout"'))
    for place in ["go", "go/ggcr"]:
        module = f"github.com/ocilayout/ocilayout/{place}"
        run("go", "mod", "edit", f"-require={module}@v0.1.0", f"-replace={module}={ROOT / place}",
            cwd=folder)
    # Completes go.mod and go.sum.
    run("go", "list", "-mod=mod", "-deps", ".", cwd=folder)
    return folder


def with_isal():
    """The library with ISA-L, which not every user has."""
    target = BUILD / "isal"
    run("cargo", "build", "--quiet", "--release", "--locked", "--features", "isal",
        "--target-dir", target)
    return target / "release"


def libcrypto():
    return run("pkg-config", "--cflags", "--libs", "libcrypto").split()


def go_built(name, package, folder):
    found = re.search(r"go1\.(\d+)", run("go", "version"))
    if not found or int(found[1]) < 21:
        sys.exit("bench: the peers need Go 1.21 or newer, which fetches the Go that they ask for")
    program = BUILD / name
    run("go", "build", "-buildvcs=false", "-o", program, package, cwd=folder)
    return str(program)


def downloaded(module):
    """The source of a Go module, which is built with the dependencies of its release."""
    return json.loads(run("go", "mod", "download", "-json", module))["Dir"]


def cargo_built(program, folder):
    target = BUILD / folder.name
    run("cargo", "build", "--quiet", "--release", "--locked", "--target-dir", target, cwd=folder)
    return str(target / "release" / program)


def version():
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]


def versions(tools):
    """Says the version of each tool that is measured."""
    modules = dict(line.split() for line in run(tools["peers"], "versions").splitlines())
    lock = tomllib.loads((BENCHES / "peers/ocidir/Cargo.lock").read_text())
    found = {
        "ours": f"{version()}, commit {run('git', 'describe', '--always', '--dirty').strip()}",
        "go-containerregistry": modules["github.com/google/go-containerregistry"],
        "oras-go": modules["oras.land/oras-go/v2"],
        "regclient": modules["github.com/regclient/regclient"],
        "umoci": version_of(tools["umoci"]),
        "ocidir": next(crate["version"] for crate in lock["package"] if crate["name"] == "ocidir"),
        "umoci of Debian": version_of("umoci"),
    }
    for tool in ["skopeo", "pigz", "igzip", "gzip", "zstd", "tar", "bsdtar", "go", "rustc"]:
        found[tool] = version_of(tool)
    return found


def version_of(tool):
    """The first number with a point in what a tool tells of itself."""
    command = [tool, "version" if tool == "go" else "--version"]
    # pigz tells it as an error.
    told = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return re.search(r"\d+\.\d[\w.+-]*", told.stdout)[0]
