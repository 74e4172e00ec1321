"""Finds what each stage of a layer takes of the processors' time, by perf(1), and how much
sooner it is done by all cores than by one."""

import os
import re
import shutil
import subprocess
import time
from collections import Counter
from statistics import median

import measure

RUNS = 3
SAMPLES_PER_SECOND = 5000

# Each with what it names: first among the calls that led to the sample, for what the
# kernel does, then the function that it is in.
READ, WRITE, COMPRESS, HASH, ELSE = "read", "write", "compress", "hash", "all else"
STAGES = [COMPRESS, HASH, READ, WRITE, ELSE]
CALLS = [
    (READ, re.compile("^(ksys|vfs)_read")),
    (WRITE, re.compile("^(ksys|vfs)_write")),
]
FUNCTIONS = [
    (HASH, re.compile("sha256|sha2::")),
    (COMPRESS, re.compile("deflate|crc32|huffman|length_counts|build_tree|heap_sort|sort_symbols"
                          "|end_block|ZSTD|HUF_|FSE_|HIST_|XXH")),
]


def measure_all(cases, names):
    """What the stages of the first row of each of these cases take; None without perf."""
    try:
        return [measure_one(case, names) for case in cases]
    except (OSError, subprocess.CalledProcessError) as refused:
        print(f"The stages are not measured: {refused}\n")
        return None


def measure_one(case, names):
    command = case.rows[0].command
    runs = [[run(case, f"{cores}{command}", names, timed) for cores in ["taskset -c 0 ", ""]]
            for _ in range(RUNS)]
    # After those, which have brought the source into memory.
    shares = shares_of("\n\n".join(run(case, command, names, recorded) for _ in range(RUNS)))
    alone, all_cores = (median(side) for side in zip(*runs))
    return {"case": case.name, "one core": alone, "all cores": all_cores, "shares": shares}


def run(case, command, names, how):
    out = measure.MEMORY / f"stages-{time.monotonic_ns()}"
    measure.MEMORY.mkdir(parents=True, exist_ok=True)
    measure.progress(f"stages: {case.name}")
    try:
        return how(measure.words(command, {**names, "out": str(out)}))
    finally:
        measure.progress("")
        shutil.rmtree(out, ignore_errors=True)


def timed(command):
    return measure.timed(command)["wall"]


def recorded(command):
    """What perf has seen: one block of lines for each sample."""
    file = measure.MEMORY / "perf.data"
    record = ["perf", "record", "--quiet", "--call-graph=fp", "--event=cpu-clock",
              f"--freq={SAMPLES_PER_SECOND}", f"--output={file}", "--", *command]
    subprocess.run(record, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    script = ["perf", "script", f"--input={file}", "--fields=event,ip,sym"]
    script = subprocess.run(script, check=True, text=True, errors="replace",
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    os.unlink(file)
    return script.stdout


def shares_of(script):
    seen = Counter()
    for block in script.split("\n\n"):
        frames = [line.split(None, 1)[-1] for line in block.splitlines()[1:]]
        if frames:
            seen[stage_of(frames)] += 1
    samples = sum(seen.values())
    return {stage: seen[stage] / samples for stage in STAGES}


def stage_of(frames):
    for stage, call in CALLS:
        if any(call.match(frame) for frame in frames):
            return stage
    return next((stage for stage, name in FUNCTIONS if name.search(frames[0])), ELSE)
