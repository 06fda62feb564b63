# SPDX-License-Identifier: GPL-2.0-only
"""What is supported: read from the declarations, so that it says nothing that is not so."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from emulator.description import Ability, Arch, Variant
from emulator.lab import Lab
from emulator.report.lines import WIDTH, Cell, Line, heading, line, table, wrap
from emulator.subject import load, select

SCHEMA = "mcount-emulator/list/1"
SHOWN = tuple(ability for ability in Ability if ability is not Ability.FUNCTION_TRACER)

INTRODUCTION = """<!-- SPDX-License-Identifier: GPL-2.0-only -->
<!-- Made by `mcount-emulator list --markdown`; a test compares it with the declarations. -->

# Support matrix

What each variant declares, by the kernel's names. An empty cell is UNSUPPORTED. A variant marked \\* is synthetic: no
real kernel, but a case that the kernel's contract provides for. All that is declared is run: `mcount-emulator emulate`
shows it. In a static variant (without DYNAMIC_FTRACE) no site is ever patched, and there are no filters.
"""


@functools.cache
def functions(arch: Arch) -> tuple[str, ...]:
    """The traced functions of an architecture's fake kernel."""
    (subject,) = load(arch, [select(arch)])
    return Lab(subject=subject).functions


def text(archs: Sequence[Arch]) -> list[Line]:
    """For a terminal."""
    lines: list[Line] = []
    for arch in archs:
        also = f" (also: {', '.join(arch.aliases)})" if arch.aliases else ""
        lines.append(heading(f"{arch.name}{also}: {arch.title}"))
        first, *more = wrap(", ".join(functions(arch)), WIDTH - 13)
        lines += [line(f"  functions: {first}"), *(line(f"{'':13}{rest}") for rest in more)]
        for variant in arch.variants:
            default = " (default)" if variant is select(arch) else ""
            lines.append(line(f"  {variant.name}{default}: {variant.summary}"))
            lines += _wrapped(abilities(variant))
        lines.append([])
    return lines


def _wrapped(names: Sequence[str]) -> list[Line]:
    """Names in lines that fit."""
    rows: list[list[Cell]] = [[", ".join(names[at : at + 3])] for at in range(0, len(names), 3)]
    return table(rows, indent=6)


def abilities(variant: Variant) -> tuple[str, ...]:
    """The names of what a variant declares."""
    return tuple(ability.name or "" for ability in SHOWN if ability in variant.abilities)


def document(archs: Sequence[Arch]) -> dict[str, Any]:
    """For a program."""
    return {
        "schema": SCHEMA,
        "architectures": [
            {
                "name": arch.name,
                "title": arch.title,
                "aliases": list(arch.aliases),
                "functions": list(functions(arch)),
                "default": select(arch).name,
                "variants": [
                    {
                        "name": variant.name,
                        "release": variant.release,
                        "summary": variant.summary,
                        "synthetic": variant.synthetic,
                        "source": f"trampolines/{arch.name}/{variant.source}",
                        "abilities": list(abilities(variant)),
                        "quirks": [[quirk.clause, quirk.what, quirk.effect, quirk.source] for quirk in variant.quirks],
                    }
                    for variant in arch.variants
                ],
            }
            for arch in archs
        ],
    }


def markdown(archs: Sequence[Arch]) -> str:
    """For the documentation."""
    parts = [INTRODUCTION]
    for arch in archs:
        names = [f"{variant.name}\\*" if variant.synthetic else variant.name for variant in arch.variants]
        parts.append(f"## {arch.name}: {arch.title}\n")
        parts.append(f"| | {' | '.join(names)} |")
        parts.append(f"|---|{'---|' * len(names)}")
        for ability in SHOWN:
            marks = ["yes" if ability in variant.abilities else "" for variant in arch.variants]
            parts.append(f"| {ability.name} | {' | '.join(marks)} |")
        parts += ["", *_quirks(arch)]
    return "\n".join(parts)


def _quirks(arch: Arch) -> list[str]:
    """The known faults of real releases that their variants keep."""
    rows = [
        f"| {variant.name} | {quirk.what} | {quirk.effect} | {quirk.source} |"
        for variant in arch.variants
        for quirk in variant.quirks
    ]
    return ["| variant | what | quirk of that release | source |", "|---|---|---|---|", *rows, ""] if rows else []
