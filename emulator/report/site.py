# SPDX-License-Identifier: GPL-2.0-only
"""The site and the labels: what stands there as compiled, and what each scenario makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from emulator.assembly.decode import disassemble
from emulator.description import Ability
from emulator.errors import FtraceError
from emulator.lab import Lab
from emulator.placement import STUB
from emulator.report.lines import Cell, Line, Span, heading, line, table
from emulator.scenario import Outcome

STATIC = "never patched: what changes are the variables. There are no filters: every function is traced"
VARIABLES = ("ftrace_trace_function", "ftrace_graph_return")
"""What static mcount compares with the stubs."""


def cast(told: Sequence[Outcome]) -> list[Line]:
    """Who plays: each ops with its flags and filters, once."""
    specs = {str(spec): spec for outcome in told for spec in outcome.scenario.ops}
    return [*table([["ops", "as --ops takes it"], *([spec.name, text] for text, spec in specs.items())]), []]


def site(told: Sequence[Outcome]) -> list[Line]:
    """The instruction as compiled, disabled, and as each scenario leaves it."""
    lab, function = told[0].lab, told[0].function
    rec = lab.record(function)
    offset = rec.ip - lab.image.symbols.address(function)
    compiled = lab.patcher.compiled[rec.ip]
    header: list[Cell] = ["ops", "bytes", "the site"]
    header += ["it calls", "rec"] if dynamic(lab) else _variables(lab)
    rows = [header]
    if dynamic(lab):
        rows.append(["(as compiled)", compiled.hex(" "), instruction(lab, compiled, rec.ip)])
    for outcome in told:
        if not outcome.scenario.stop:
            rows += _rows(outcome)
    title = heading(f"{function}: rec->ip {rec.ip:x} ({function}+{offset:#x})")
    return [title, *([] if dynamic(lab) else [line(STATIC)]), *table(rows), [], *_labels(told)]


def dynamic(lab: Lab) -> bool:
    """Whether sites are ever patched."""
    return Ability.DYNAMIC_FTRACE in lab.variant.abilities


def _variables(lab: Lab) -> list[Cell]:
    return list(VARIABLES if Ability.FUNCTION_GRAPH_TRACER in lab.variant.abilities else VARIABLES[:1])


def _rows(outcome: Outcome) -> list[list[Cell]]:
    if outcome.refused:
        return [[outcome.scenario.label, Span(_refusal(outcome), "yellow")]]
    also = outcome.scenario.also
    rows = [_row(outcome, outcome.scenario.label, outcome.function)]
    return [*rows, _row(outcome, f"  at {also}", also)] if also else rows


def _row(outcome: Outcome, label: str, function: str) -> list[Cell]:
    lab, rec, data = outcome.lab, outcome.lab.record(function), outcome.site(function)
    cells: list[Cell] = [label, data.hex(" "), instruction(lab, data, rec.ip)]
    if dynamic(lab):
        return [*cells, _next(outcome, function), rec.describe(lab.release.bits)]
    return [*cells, *(variable(lab, str(name)) for name in _variables(lab))]


def _refusal(outcome: Outcome) -> str:
    if isinstance(outcome.refused, FtraceError):
        return str(outcome.refused).removeprefix("register_ftrace_function: ")
    return f"not tried: {outcome.refused}"


def instruction(lab: Lab, data: bytes, address: int) -> str:
    """Mnemonic and target of an instruction."""
    decoded = disassemble(lab.arch.engine, data, address)
    if not decoded:
        return "?"
    first = decoded[0]
    if first.target is None:
        return f"{first.mnemonic} {first.operands}".strip()
    return f"{first.mnemonic} {_name(lab, first.target)}"


def variable(lab: Lab, name: str) -> str:
    """What one of the kernel's pointers points to."""
    return _name(lab, lab.image.memory.read_word(lab.image.symbols.address(name)))


def _name(lab: Lab, address: int) -> str:
    """symbol+offset; ftrace_stub by its name, though it may be a label at another function's end."""
    return STUB if address == lab.image.symbols.get(STUB) else lab.symbol(address)


def _next(outcome: Outcome, function: str) -> str:
    """What the trampoline calls: the callback, or whatever stands between; without a callback the C function."""
    calls = outcome.calls(function)
    if calls:
        return " > ".join(calls[0].via[1:-1]) or calls[0].ops.name
    hits = [hit for done in outcome.recordings for hit in done.hits if hit.symbol == function]
    return hits[0].arrivals[-1].symbol if hits and hits[0].arrivals and not outcome.trouble else ""


# -- the labels -------------------------------------------------------------------------------------------------------


class Label(NamedTuple):
    """A place in a trampoline that the core patches, and the bytes there now."""

    name: str
    address: int
    data: bytes


def labels(lab: Lab) -> Iterator[Label]:
    """ftrace_call, ftrace_regs_call, ftrace_graph_call: as many as the variant has."""
    variant = lab.variant
    sizes = {entry.call: len(variant.site.call.opcode) for entry in variant.entries if entry.call}
    sizes |= {call.label: len(call.jump.opcode) for call in (variant.graph.calls if variant.graph else ())}
    for label, size in sizes.items():
        address = lab.image.symbols.get(label)
        if address is not None:
            yield Label(label, address, lab.image.memory.read(address, size))


def _labels(told: Sequence[Outcome]) -> list[Line]:
    """The labels that the graph tracer patches, before and afterwards."""
    lab = told[0].lab
    on = next((item for item in told if item.scenario.graph and not item.refused), None)
    graph = {call.label for call in lab.variant.graph.calls} if lab.variant.graph else set()
    if on is None or not graph:
        return []
    rows: list[list[Cell]] = [["label", "bytes", "no graph tracer", "bytes", "graph tracer"]]
    for off, now in zip(labels(lab), labels(on.lab), strict=True):
        if off.name in graph:
            rows.append([off.name, *_label(lab, off), *_label(on.lab, now)])
    return [*table(rows), []]


def _label(lab: Lab, label: Label) -> list[Cell]:
    return [label.data.hex(" "), instruction(lab, label.data, label.address)]
