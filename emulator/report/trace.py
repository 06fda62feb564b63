# SPDX-License-Identifier: GPL-2.0-only
"""Every instruction of a call: where it stands, what it is, which registers it changed, what it wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.assembly.decode import LONGEST, Instruction, disassemble
from emulator.lab import Lab
from emulator.recording import Recording
from emulator.report.lines import Cell, Line, Span, heading, line, table
from emulator.report.record import statement
from emulator.scenario import Outcome
from emulator.steps import Step, steps

FIRST, LAST = 900, 100
"""How many instructions are listed of a call that goes on and on, at its beginning and at its end."""


def listing(told: Mapping[str, Outcome]) -> list[Line]:
    """The instructions of each scenario that was called."""
    return [shown for outcome in told.values() for done in outcome.recordings for shown in _call(outcome, done)]


def _call(outcome: Outcome, recording: Recording) -> list[Line]:
    title = f"Every instruction of {recording.function}: {outcome.scenario.title} ({outcome.scenario.label})"
    ran = steps(recording)
    if len(ran) <= FIRST + LAST:
        return [heading(title), *_rows(outcome.lab, ran), line()]
    between = line(f"... {len(ran) - FIRST - LAST} instructions are left out here ...")
    return [heading(title), *_rows(outcome.lab, ran[:FIRST]), between, *_rows(outcome.lab, ran[-LAST:]), line()]


def _rows(lab: Lab, ran: Sequence[Step]) -> list[Line]:
    return table([_row(lab, step) for step in ran])


def _row(lab: Lab, step: Step) -> list[Cell]:
    return [lab.symbol(step.address), Span(_text(lab, step.address), "bold"), _effects(step)]


def _text(lab: Lab, address: int) -> str:
    """The instruction: as the source has it, but as it decodes where it branches or where the core patched it."""
    found = _decoded(lab, address)
    source = lab.image.symbols.line(address)
    if found is None:
        return statement(source) if source else "?"
    if found.target is not None:
        return f"{found.mnemonic} {lab.symbol(found.target)}"
    patched = address in lab.core.records
    return statement(source) if source and not patched else f"{found.mnemonic} {found.operands}".strip()


def _decoded(lab: Lab, address: int) -> Instruction | None:
    region = lab.image.memory.region(address)
    if region is None:
        return None
    data = lab.image.memory.read(address, min(LONGEST, region.end - address))
    return next(iter(disassemble(lab.arch.engine, data, address)), None)


def _effects(step: Step) -> str:
    """name=value of changed registers, [address]=value of what was written."""
    changed = [f"{name}={new:x}" for name, (_, new) in step.registers.items()]
    written = [f"[{store.address:x}]={store.value:x}" for store in step.writes]
    return " ".join([*changed, *written])
