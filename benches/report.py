"""Tells the results in tables, which are Markdown."""

from statistics import median

import cases


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
    }


def is_ours(row):
    return row["name"].startswith(cases.OURS)


def table(heads, lines):
    """A Markdown table whose columns stand one below the other."""
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]
    rule = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
                     for line in [heads, rule, *lines]) + "\n"


def case_table(case):
    """The table of a case, with its title and what was going on beside it."""
    first = case["rows"][0]
    heads = ["who", "time s (min-max)", "to ours", "user + system s", "peak MiB", "how"]
    sized = case["sizes"]
    if sized:
        heads.insert(5, "MB out")
    lines = []
    for row in case["rows"]:
        told = summary(row)
        ratio = f"{told['wall'] / summary(first)['wall']:.2f}" if is_ours(first) else ""
        line = [row["name"], f"{told['wall']:.3f} ({told['least']:.3f}-{told['most']:.3f})", ratio,
                f"{told['user']:.2f} + {told['system']:.2f}", f"{told['peak_kib'] / 1024:.0f}",
                row["how"]]
        if sized:
            line.insert(5, f"{told['size'] / 1e6:.1f}")
        lines.append(line)
    others = max(run["others"] for row in case["rows"] for run in row["runs"])
    runs = len(first["runs"])
    return (f"### {case['title']}\n\n{table(heads, lines)}\n"
            f"{runs} {'run' if runs == 1 else 'runs'} each, in turns, on {case['place']}; "
            f"beside them the machine was busy with at most {others:.2f} cores.\n")


def limits_table(results):
    """What the project has set itself, and whether it holds."""
    found = {(case["name"], row["name"]): summary(row)
             for case in results["cases"] for row in case["rows"]}
    lines = []
    for limit in cases.LIMITS:
        ours = found.get((limit.case, limit.ours))
        peer = found.get((limit.case, limit.peer))
        line = [limit.case, limit.ours, limit.peer]
        if not ours or not peer:
            lines.append([*line, "", f"{limit.time:g}", "", size_text(limit.size), "not measured"])
            continue
        time = ours["wall"] / peer["wall"]
        holds = time <= limit.time
        size = None
        if limit.size:
            size = ours["size"] / peer["size"]
            holds = holds and size <= limit.size
        lines.append([*line, f"{time:.3f}", f"{limit.time:g}", f"{size:.4f}" if size else "",
                      size_text(limit.size), "yes" if holds else "NO"])
    heads = ["case", "ours", "against", "time", "at most", "size", "at most", "holds"]
    return f"### What must show\n\nRatios of ours to the other.\n\n{table(heads, lines)}"


def size_text(size):
    return f"{size:g}" if size else ""


def better_peers(results):
    """Where a peer is better than ours, with our default settings."""
    lines = []
    for case in results["cases"]:
        first = case["rows"][0]
        if not is_ours(first):
            lines.append(f"- {case['title']}: not yet done by ours.")
            continue
        ours = summary(first)
        for row in case["rows"]:
            if is_ours(row) or row["floor"]:
                continue
            told = summary(row)
            said = []
            if told["wall"] < ours["wall"]:
                said.append(f"takes {told['wall'] / ours['wall']:.2f} of our time")
            if told["size"] and told["size"] < ours["size"]:
                said.append(f"writes {100 - 100 * told['size'] / ours['size']:.1f} % less")
            if said:
                how = f" ({row['how']})" if row["how"] else ""
                lines.append(f"- {case['title']}: {row['name']}{how} {' and '.join(said)}.")
    return "### Where a peer is better\n\n" + ("\n".join(lines) or "Nowhere.") + "\n"


def facts(results):
    """The machine, and the versions of what was measured."""
    machine = table(["machine", ""], [[*fact] for fact in results["machine"].items()])
    versions = table(["program", "version"], [[*fact] for fact in results["versions"].items()])
    return f"{machine}\n{versions}"


def page(results, plot):
    """The page of the docs."""
    parts = [
        "# Side by side\n\n"
        "Made by `make bench-page`; do not edit. `make bench` prints the same for your machine in less\n"
        "than twenty minutes, `make bench-quick` the most of it in less than two.\n\n"
        "Each program makes a whole image with what it is given: layer, config, manifest, and an entry in\n"
        "`index.json`. Those that only compress make a file. The runs of a case take turns, after one that\n"
        "is not counted, whose output is checked: each blob is called by its digest, and each layer decodes\n"
        "to its source. Times are medians. The peak of memory is that of the largest process. Ratios are to\n"
        "the first row; above 1 is slower than ours. How it is done stands in [`benches/`](../benches).\n"
    ]
    if plot:
        parts.append(f"![The same as bars]({plot})\n")
    parts.append(facts(results))
    parts += [case_table(case) for case in results["cases"]]
    parts += [better_peers(results), limits_table(results)]
    return "\n".join(parts)
