"""Runs the rows of a case in turns, and takes the time of each."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import checks
from inputs import ROOT

LIMIT_SECONDS = 600
DISK = ROOT / "target/bench/scratch"
MEMORY = Path("/dev/shm/ocilayout-bench")
TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A row did not do its work."""


def measure(case, names, quick):
    """Measures a case; names are what the braces of its commands stand for."""
    rows = [row for row in case.rows if not (quick and row.slow)]
    runs = min(case.runs, 2) if quick else case.runs
    warm_up = 1 if runs > 1 and not quick else 0
    found = {row.name: [] for row in rows}
    for turn in range(warm_up + runs):
        for row in rows:
            progress(f"{case.name}: {row.name}, {turn} of {runs}")
            result = run_row(case, row, names, look=turn == 0)
            if turn >= warm_up:
                found[row.name].append(result)
    progress("")
    return [{"name": row.name, "how": row.how, "floor": row.floor, "runs": found[row.name]}
            for row in rows]


def progress(line):
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def run_row(case, row, names, look):
    """Runs a row once. Its output is looked at if look says so."""
    place = DISK if case.disk else MEMORY
    out = place / f"{case.name}-{time.monotonic_ns()}"
    place.mkdir(parents=True, exist_ok=True)
    names = {**names, "out": str(out)}
    for command in row.before:
        timed(words(command, names))
    # Else the disk would still be at work for the row before.
    os.sync()
    command = words(row.command, names)
    result = timed(command, out if row.leaves == "told" else os.devnull)
    if row.times_itself:
        result["each"] = float(out.read_text().split()[-1])
    if look:
        try:
            checks.check(case, row, out, names)
        except (checks.Wrong, OSError, KeyError, ValueError) as wrong:
            raise Failed(f"{shlex.join(command)}: {wrong!r}") from wrong
    if case.compression:
        result["size"] = checks.size(row, out)
    # ext4 makes files slowly where many have just been removed: those that many
    # images leave on a disk wait for clean_up.
    if not (case.disk and case.count):
        remove(out)
    return result


def words(command, names):
    """The words of a command, with what stands for its braces. A list is as many
    words."""
    found = []
    for word in shlex.split(command):
        name = word.strip("{}")
        if word == f"{{{name}}}" and isinstance(names[name], list):
            found += names[name]
        else:
            found.append(word.format_map(names))
    return found


def timed(command, told=os.devnull):
    """Runs a command, which tells what it tells there, and says what it took. Its peak of
    memory is told by time(1): what the system tells of a child of ours is at least our own."""
    log, memory = MEMORY / "log", MEMORY / "memory"
    MEMORY.mkdir(parents=True, exist_ok=True)
    silent = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(told), os.O_WRONLY | os.O_CREAT, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    spawned = ["time", "--quiet", "--format=%M", f"--output={memory}", *command]
    busy, begun = busy_seconds(), time.monotonic()
    pid = os.posix_spawnp("time", spawned, os.environ, file_actions=silent, setpgroup=0)
    status, usage = wait(pid, command)
    wall = time.monotonic() - begun
    own = usage.ru_utime + usage.ru_stime
    if status != 0:
        message = log.read_text(errors="replace").strip()
        raise Failed(f"{shlex.join(command)}: status {status}: {message}")
    return {
        "wall": wall,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "peak_kib": int(memory.read_text()),
        "others": max(0.0, busy_seconds() - busy - own) / wall,
    }


def wait(pid, command):
    """Waits for a process, and ends it with all that it started if it takes too long."""
    def too_long(*_):
        os.killpg(pid, signal.SIGKILL)
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LIMIT_SECONDS)
    try:
        _, status, usage = os.wait4(pid, 0)
    except BaseException:
        os.killpg(pid, signal.SIGKILL)
        raise
    finally:
        signal.alarm(0)
    return os.waitstatus_to_exitcode(status), usage


def busy_seconds():
    """Says for how long all cores together have not been idle."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _wait, irq, softirq = map(int, stat.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICK


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clean_up():
    places = [place for place in [DISK, MEMORY] if place.exists()]
    outputs = [output for place in places for output in place.iterdir()]
    # A million files of small images are many for one core.
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda output: subprocess.run(["rm", "-rf", output], check=False), outputs))
    for place in places:
        shutil.rmtree(place, ignore_errors=True)
