# SPDX-License-Identifier: GPL-2.0-only
"""Every instruction of a call: where it stands, what it is, which registers it changed, what it wrote."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.assembly.decode import disassemble
from emulator.lab import Lab
from emulator.report.lines import Cell, Line, Span, heading, line, table
from emulator.scenario import Outcome
from emulator.steps import Step, steps

LONGEST = 16
"""Bytes that hold one instruction of any architecture."""


def listing(told: Mapping[str, Outcome]) -> list[Line]:
    """The instructions of each scenario that was called."""
    lines: list[Line] = []
    for outcome in told.values():
        if outcome.recording is not None:
            lines.append(heading(f"Every instruction: {outcome.scenario.title} ({outcome.scenario.label})"))
            lines += table([_row(outcome.lab, step) for step in steps(outcome.recording)])
            lines.append(line())
    return lines


def _row(lab: Lab, step: Step) -> list[Cell]:
    return [lab.symbol(step.address), Span(_text(lab, step.address), "bold"), _effects(lab, step)]


def _text(lab: Lab, address: int) -> str:
    """The instruction as the source has it, else as it decodes."""
    source = lab.image.symbols.line(address)
    if source:
        return " ".join(source.text.split())
    region = lab.image.memory.region(address)
    size = min(LONGEST, region.end - address) if region else 0
    decoded = disassemble(lab.arch.engine, lab.image.memory.read(address, size), address) if size else ()
    return f"{decoded[0].mnemonic} {decoded[0].operands}".strip() if decoded else "?"


def _effects(lab: Lab, step: Step) -> str:
    """name=value of changed registers, [address]=value of what was written."""
    changed = [f"{name}={new:x}" for name, (_, new) in step.changed.items() if name != lab.arch.abi.pc]
    written = [f"[{address:x}]={value:x}" for address, _, value in step.writes]
    return " ".join([*changed, *written])
