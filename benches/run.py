#!/usr/bin/env python3
"""Measures this library and its peers side by side, and prints tables.

    benches/run.py [--quick] [--only CASE]... [--stages] [--runs N]
                   [--json FILE] [--plot FILE.svg] [--page FILE.md]

make bench builds the library before. What is measured stands in cases.py.
"""

import argparse
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import cases
import inputs
import machine
import measure
import plot
import report
import stages
import tools


def main():
    wanted = arguments()
    some = wanted.only or wanted.stages
    chosen = [case for case in cases.CASES
              if (case.name in wanted.only if some else case.quick or not wanted.quick)]
    if wanted.runs:
        chosen = [replace(case, runs=wanted.runs) for case in chosen]

    built = tools.build()
    staged = cases.STAGED if wanted.stages or not (some or wanted.quick) else ()
    made = inputs.make(needed([*chosen, *staged]))
    results = {"machine": machine.describe(), "versions": tools.versions(built), "cases": []}
    print(report.facts(results), flush=True)
    # So that nothing large stays behind, in memory, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        for case in chosen:
            rows = measure.measure(case, {**built, **made}, wanted.quick)
            place = results["machine"]["disk" if case.disk else "memory file system"]
            results["cases"].append({"name": case.name, "title": case.title, "place": place,
                                     "sized": bool(case.compression), "rows": rows})
            print(report.case_table(results["cases"][-1]), flush=True)
        if staged:
            results["stages"] = stages.measure_all(staged, {**built, **made})
            print(report.stages_table(results), flush=True)
    except measure.Failed as failure:
        sys.exit(f"bench: {failure}")
    finally:
        measure.clean_up()
    if results["cases"]:
        print(report.better_peers(results))
        print(report.limits_table(results))
    if wanted.quick:
        print("Of two runs each: what is near to its limit is to be looked at in the whole form.")
    write(wanted, results)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer cases, fewer runs")
    parser.add_argument("--only", metavar="CASE", action="append", default=[],
                        choices=[case.name for case in cases.CASES],
                        help="one of: %(choices)s; may be given again")
    parser.add_argument("--stages", action="store_true",
                        help="what each stage of a layer takes, and no case that is not named")
    parser.add_argument("--runs", metavar="N", type=int, help="in the place of those of each case")
    parser.add_argument("--json", metavar="FILE", type=Path, help="writes every run")
    parser.add_argument("--plot", metavar="FILE.svg", type=Path, help="draws bars")
    parser.add_argument("--page", metavar="FILE.md", type=Path, help="writes the page of the docs")
    return parser.parse_args()


def needed(chosen):
    """The inputs that the commands of these cases name."""
    commands = [command for case in chosen for row in case.rows
                for command in [*row.before, row.command]]
    return {name for name in inputs.MAKERS
            if any(f"{{{name}}}" in command for command in commands)}


def write(wanted, results):
    if wanted.json:
        wanted.json.write_text(json.dumps(results, indent=1))
    if wanted.plot:
        wanted.plot.write_text(plot.plot(results))
    if wanted.page:
        drawn = os.path.relpath(wanted.plot, wanted.page.parent) if wanted.plot else None
        wanted.page.write_text(report.page(results, drawn))


if __name__ == "__main__":
    main()
