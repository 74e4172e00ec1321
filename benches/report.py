"""Tells the results in tables, which are Markdown."""

from statistics import median

import cases
import stages


def summary(row):
    """What the runs of a row come to."""
    runs = row["runs"]
    walls = [run["wall"] for run in runs]
    return {
        "wall": median(walls), "least": min(walls), "most": max(walls),
        "user": median(run["user"] for run in runs),
        "system": median(run["system"] for run in runs),
        "peak_kib": median(run["peak_kib"] for run in runs),
        "size": runs[0].get("size"),
        "each": median(run["each"] for run in runs) if "each" in runs[0] else None,
    }


def is_ours(row):
    return row["name"].startswith(cases.OURS)


def table(heads, lines):
    """A Markdown table whose columns stand one below the other."""
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    rule = ["-" * width for width in widths]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths)]
              for line in [heads, rule, *lines]]
    return "".join(f"| {' | '.join(line)} |\n" for line in padded)


def case_table(case):
    """The table of a case, with its title and what was going on beside it."""
    first = case["rows"][0]
    heads = ["who", "time s (min-max)", "to ours", "user + system s", "peak MiB", "how"]
    sized = case["sized"]
    if sized:
        heads.insert(5, "MB out")
    lines = []
    for row in case["rows"]:
        told = summary(row)
        ratio = f"{told['wall'] / summary(first)['wall']:.2f}" if is_ours(first) else ""
        line = [row["name"], f"{told['wall']:.3f} ({told['least']:.3f}-{told['most']:.3f})", ratio,
                f"{told['user']:.2f} + {told['system']:.2f}", f"{told['peak_kib'] / 1024:.0f}",
                row["how"]]
        if told["each"]:
            line[-1] += f"; {told['each']:.1f} microseconds each"
        if sized:
            line.insert(5, f"{told['size'] / 1e6:.1f}")
        lines.append(line)
    others = max(run["others"] for row in case["rows"] for run in row["runs"])
    runs = len(first["runs"])
    return (f"### {case['name']}: {case['title']}\n\n{table(heads, lines)}\n"
            f"{runs} {'run' if runs == 1 else 'runs'} each, in turns, on {case['place']}; "
            f"beside them the machine was busy with at most {others:.2f} cores.\n")


def stages_table(results):
    """Where the time of a layer goes."""
    if not results.get("stages"):
        return ""
    lines = []
    for told in results["stages"]:
        shares = told["shares"]
        beside = 1 - shares[stages.COMPRESS] - shares[stages.HASH]
        lines.append([told["case"], f"{told['one core']:.3f}", f"{told['all cores']:.3f}",
                      f"{told['one core'] / told['all cores']:.2f}",
                      *(f"{100 * shares[stage]:.1f}" for stage in stages.STAGES),
                      f"{100 * beside:.1f}", f"{100 * (beside - shares[stages.READ]):.1f}"])
    heads = ["case", "one core s", "all cores s", "times as fast", *stages.STAGES,
             "but compress and hash", "nor read"]
    return ("### Where the time of a layer goes\n\n"
            "Ours, of the cases above; percent of the processors' time, as perf samples it. To "
            "read the\nsource and to write the blob is the kernel's copying; the former is done "
            "by the caller's callback.\n\n"
            f"{table(heads, lines)}")


def limits_table(results):
    """What the project has set itself, and whether it holds."""
    lines = []
    for case in results["cases"]:
        found = {row["name"]: summary(row) for row in case["rows"]}
        lines += [limit_line(limit, found.get(limit.ours), found.get(limit.peer))
                  for limit in cases.LIMITS if limit.case == case["name"]]
    heads = ["case", "ours", "against", "time", "at most", "size", "at most", "holds"]
    return f"### What must show\n\nRatios of ours to the other.\n\n{table(heads, lines)}"


def limit_line(limit, ours, peer):
    line, holds = [limit.case, limit.ours, limit.peer], []
    for most, of in [(limit.time, "wall"), (limit.size, "size")]:
        if most and ours and peer:
            ratio = ours[of] / peer[of]
            line.append(f"{ratio:.3f}")
            holds.append(ratio <= most)
        else:
            line.append("")
        line.append(f"{most:g}" if most else "")
    return [*line, "not measured" if not holds else "yes" if all(holds) else "NO"]


def better_peers(results):
    """Where a peer is better than ours as it is by default."""
    lines = []
    for case in results["cases"]:
        first = case["rows"][0]
        if not is_ours(first):
            lines.append([case["name"], "all", "", "", "ours cannot do it yet"])
            continue
        ours = summary(first)
        for row in case["rows"]:
            if is_ours(row) or row["floor"]:
                continue
            told = summary(row)
            time = told["wall"] / ours["wall"]
            size = told["size"] / ours["size"] if told["size"] else 1
            if time < 1 or size < 1:
                lines.append([case["name"], row["name"], f"{time:.2f}" if time < 1 else "",
                              f"{size:.3f}" if size < 1 else "", row["how"]])
    heads = ["case", "who", "time", "size", "how"]
    return (f"### Where a peer is better\n\nRatios of it to the first row of the case.\n\n"
            f"{table(heads, lines)}")


def facts(results):
    """The machine, and the versions of what was measured."""
    machine = table(["machine", ""], [[*fact] for fact in results["machine"].items()])
    versions = table(["program", "version"], [[*fact] for fact in results["versions"].items()])
    return f"{machine}\n{versions}"


INTRODUCTION = """# Side by side

Made by `make bench-page`; do not edit. `make bench` prints the same of your machine, in about
twenty minutes, and `make bench-quick` most of it in about two.

What makes an image makes a whole one: layers, config, manifest, and an entry in `index.json`; those
that only compress make a file. What edits a layout works on a copy that the others have not seen.
The runs of a case take turns, after one that is not counted. What that leaves is checked: each
blob is called by its digest, and each layer decodes to its source. Times are medians; above 1.00 "to ours" is slower than ours. The peak of
memory is that of the largest process. A floor is no tool: it does only the work that is named, to
show what the machine allows. How all is done stands in [`benches/`](../benches).
"""


def page(results, plot):
    """The page of the docs."""
    drawing = [f"![The times as bars]({plot})\n"] if plot else []
    tables = [case_table(case) for case in results["cases"]]
    return "\n".join([INTRODUCTION, limits_table(results), better_peers(results), *drawing, *tables,
                      stages_table(results), "### The machine, and the programs\n",
                      facts(results)])
