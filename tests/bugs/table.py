# SPDX-License-Identifier: GPL-2.0-only
"""Writes docs/bugs.md from the tests beside it, without running them: python tests/bugs/table.py > docs/bugs.md."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent

NOT_RECREATED = {
    "X64-02": "An unwinder that looks at return_to_handler's frame: there is no unwinder here (U2).",
    "X64-03": "The unwinder's rule for an address in a private copy: there is no unwinder here (U2).",
    "X64-08": "Its other half, a jump to the return thunk as the ending: no variant here has return thunks.",
    "X64-12": "A type hash before a function (kCFI): nothing here reads one (H3).",
    "X64-17": "One CPU writes what another one runs: one CPU is emulated. X64-18 shows the same store to an NMI.",
    "X64-20": "A CPU that has not serialised yet: one CPU is emulated, and it is always up to date.",
    "X64-35": "What a refused registration leaves behind: no passage of a site shows it; tests/core/ does.",
    "A64-03": "A module's PLT, looked for as in the other kind of kernel: here ftrace_caller is in reach of all sites.",
    "A64-10": "A frame that prepare_ftrace_return() changes in steps: that is C, which Python acts for in one step.",
    "A64-13": "The same as A64-12 with return probes, which are not modelled.",
    "GEN-02": "The order in which two stores reach another CPU: one CPU is emulated.",
}
"""What could not be recreated, and why."""

HEAD = """<!-- SPDX-License-Identifier: GPL-2.0-only -->
# Real bugs, recreated

Bugs that the kernel's ftrace entry code has had, made again in our trampolines, sites, core or patcher, and the clause
of the contract that catches each. The files are in tests/bugs/; each says in its own words what was wrong. A clause is
explained by `mcount-emulator explain CLAUSE`. The unchanged code of the same variant gives that clause no reason.

This page is made by `python tests/bugs/table.py`, and a test compares the two.
"""


class Row(NamedTuple):
    """One recreated bug on one architecture."""

    origin: str
    what: str
    clause: str
    arch: str
    variants: str

    @property
    def line(self) -> str:
        """A row of a table."""
        return f"| {self.origin} | {self.what} | {self.clause} | {self.arch} | {self.variants} |"


class Bug(NamedTuple):
    """A file of one bug: its id, the kernel whose release mended it, the first line of its docstring, and its tests."""

    id: str
    release: str
    wrong: str
    rows: list[Row]


def bugs() -> Iterator[Bug]:
    """Those with a file of their own."""
    for path in sorted(TESTS.glob("test_???_[0-9][0-9].py")):
        tree = ast.parse(path.read_text())
        found = re.match(r"(\S+) \(([^)]+)\): (.+)", (ast.get_docstring(tree) or "").splitlines()[0])
        if not found:
            raise SystemExit(f"{path}: its docstring must begin with ID (RELEASE): what was wrong")
        yield Bug(found[1], found[2], found[3], list(marked(tree, found[1])))


def marked(tree: ast.Module, origin: str = "") -> Iterator[Row]:
    """The tests of a module with their marks; where the idea is from, unless it is given, is their docstring."""
    for test in tree.body:
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            what = test.name.removeprefix("test_").replace("_", " ")
            for mark in test.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.caught":
                    clause, arch, variants = map(ast.literal_eval, mark.args)
                    yield Row(origin or ast.get_docstring(test) or "", what, clause, arch, variants)


def listed(tree: ast.Module) -> Iterator[Row]:
    """The TRANSPLANTS of a module."""
    values = {ast.unparse(item.targets[0]): item.value for item in tree.body if isinstance(item, ast.Assign)}
    for entry in getattr(values.get("TRANSPLANTS"), "elts", []):
        origin, variants, clause, what = map(ast.literal_eval, entry.elts[:4])
        yield Row(origin, what, clause, ast.literal_eval(values["ARCH"]), variants)


def page() -> str:
    """The whole of docs/bugs.md."""
    lines = [HEAD, "| bug | mended in | what was wrong | recreated here | clause | arch | variants |", "|---" * 7 + "|"]
    for bug in bugs():
        for row in bug.rows:
            shown = (bug.id, bug.release, bug.wrong, row.what, row.clause, row.arch, row.variants)
            lines.append(f"| {' | '.join(shown)} |")
    lines += ["", "## Not recreated", "", "| bug | why |", "|---|---|"]
    lines += [f"| {id_} | {why} |" for id_, why in NOT_RECREATED.items()]
    lines += ["", TRANSPLANTED, "| idea from | what is wrong | clause | arch | variants |", "|---" * 5 + "|"]
    for path in sorted(TESTS.glob("test_transplanted_*.py")):
        tree = ast.parse(path.read_text())
        lines += [row.line for row in (*listed(tree), *marked(tree))]
    return "\n".join(lines) + "\n"


TRANSPLANTED = """## Transplanted

Bugs of other architectures (A64 arm64, BF blackfin, CS csky, LA loongarch, MB microblaze, MIPS, PA parisc, PPC powerpc,
RV riscv, S390, SH, SP sparc) and variations on those above (ARM, X64, GEN: the core), where they could have been made.
"""

if __name__ == "__main__":
    sys.stdout.write(page())
