# SPDX-License-Identifier: GPL-2.0-only
"""The long run that CI has no time for: our trampolines at a thousand seeds, in any order, in parallel.

Each share of seeds has its exercises in an order of its own, and shares of all variants are done in one shuffled row,
so that what one leaves behind for another (caches, engines that are used again) would be seen. Ends with status 1 where
a clause fails; our own trampolines have to be right with every seed.

--kunit FILE: have the kernel's tools/testing/kunit/kunit.py read the outcome as KTAP, and see that it counts the same.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from emulator import catalog
from emulator.checks import campaign
from emulator.checks.account import Account
from emulator.checks.campaign import Order
from emulator.checks.exercises import EXERCISES
from emulator.checks.finding import Verdict
from emulator.checks.verdicts import Question, Report, report
from emulator.commands.progress import Progress
from emulator.report import findings, ktap
from emulator.report.lines import plain
from emulator.subject import Subject, load

SHARE = 40
"""Seeds in a row; the first of them is tried with interrupts and with code that changes as well."""
KUNIT = {Verdict.PASS: "passed", Verdict.XFAIL: "passed", Verdict.FAIL: "failed", Verdict.UNRESOLVED: "crashed"}
"""What kunit.py calls our verdicts; all others are "skipped"."""


def main() -> int:
    """The exit status: 1 where anything is wrong."""
    options = _options()
    start = time.monotonic()
    seeds = range(options.seed, options.seed + options.seeds)
    subjects = [subject for name in options.arch or catalog.names() for subject in _subjects(name)]
    reports = _reports(subjects, seeds, options.jobs, random.Random(f"soak {options.order}"))
    bad = [item for item in reports if any(row.verdict.bad for row in item.rows)]
    print(plain([*(findings.render(bad) if bad else ()), *findings.counts(reports)]), end="")
    asked, passed = sum(sum(item.asked.values()) for item in reports), time.monotonic() - start
    print(f"{len(reports)} variants, {len(seeds)} seeds, order {options.order}: asked {asked:,} times, {passed:.0f} s")
    strange = _differences(options.kunit, reports) if options.kunit else []
    print("\n".join(strange), end="\n" if strange else "")
    return 1 if bad or strange else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("arch", nargs="*", help="only these (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="the first (default: 1)")
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--order", type=int, default=1, help="another one gives another order (default: 1)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--kunit", type=Path, help="the kernel's kunit.py")
    return parser.parse_args()


def _subjects(name: str) -> list[Subject]:
    arch = catalog.find(name)
    return load(arch, arch.variants)


# -- the work ----------------------------------------------------------------------------------------------------------


def _reports(subjects: Sequence[Subject], seeds: range, jobs: int, numbers: random.Random) -> list[Report]:
    work = [
        (place, order)
        for place, subject in enumerate(subjects)
        for order in campaign.orders(subject, seeds, share=SHARE)
    ]
    numbers.shuffle(work)
    shuffled = [_shuffled(order, numbers) for _, order in work]
    totals = [Account() for _ in subjects]
    with Progress(len(work)) as progress:
        done = progress.over(campaign.run(shuffled, jobs))
        for (place, _), account in zip(work, done, strict=True):
            totals[place].add(account)
    return [report(subject, total, Question(seeds)) for subject, total in zip(subjects, totals, strict=True)]


def _shuffled(order: Order, numbers: random.Random) -> Order:
    names = [item.name for item in EXERCISES.values() if item.possible(order.subject.variant)]
    numbers.shuffle(names)
    return order._replace(exercises=tuple(names))


# -- the kernel's own reader -------------------------------------------------------------------------------------------


def _differences(kunit: Path, reports: Sequence[Report]) -> list[str]:
    """Where kunit.py counts something else than we do, and what it says is no KTAP."""
    with tempfile.NamedTemporaryFile("w", suffix=".ktap") as file:
        file.write(ktap.render(reports))
        file.flush()
        done = subprocess.run([sys.executable, kunit, "parse", file.name], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    errors = [line for line in said.splitlines() if "ERROR" in line]
    counted = Counter({word: int(count) for word, count in re.findall(r"(passed|failed|crashed|skipped): (\d+)", said)})
    ours = Counter(KUNIT.get(row.verdict, "skipped") for item in reports for row in item.rows)
    return errors if counted == ours else [*errors, f"kunit.py counts {dict(counted)}, we have {dict(ours)}"]


if __name__ == "__main__":
    sys.exit(main())
