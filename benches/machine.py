"""Describes the machine."""

import os
import platform
import re
import subprocess
from pathlib import Path

import measure


def describe():
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1])
    flags = (field(cpuinfo, "flags") or field(cpuinfo, "Features")).split()
    known = [flag for flag in ["sha_ni", "sha2", "avx2", "avx512bw"] if flag in flags]
    cores = len(os.sched_getaffinity(0))
    return {
        "processor": field(cpuinfo, "model name") or platform.machine(),
        "cores": f"{cores}, with {', '.join(known)}" if known else f"{cores}",
        "memory": f"{memory / 1024 / 1024:.0f} GiB",
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
        "disk": filesystem(measure.DISK),
        "memory file system": filesystem(measure.MEMORY),
    }


def field(cpuinfo, name):
    found = re.search(rf"^{name}\s*: (.*)$", cpuinfo, re.MULTILINE)
    return found[1] if found else ""


def filesystem(path):
    path.mkdir(parents=True, exist_ok=True)
    command = ["findmnt", "--noheadings", "--output", "FSTYPE", "--target", path]
    mounts = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return mounts[-1]  # of those that lie over one another, the one that is seen
