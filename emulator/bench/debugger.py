# SPDX-License-Identifier: GPL-2.0-only
"""How fast steps are: with what it takes to undo them, and in gdb, beside the debuggers' server of qemu-user."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import unicorn

from emulator.bench import sessions
from emulator.bench.rounds import Ratio, interleave
from emulator.bench.subject import traced
from emulator.debugger.timeline import Timeline
from emulator.description import Arch
from emulator.errors import RunError
from emulator.lab import Lab
from emulator.machine.engine import load_segments
from emulator.machine.registers import constant

STEP_GOAL, STEPI_GOAL = 1.5, 1.0
"""How many times as long as the other way each may take."""
FUNCTION = "vfs_read"
SESSIONS = 5
NEVER = 0x7FFF_5A5A_5A5A_5A5B


class Row(NamedTuple):
    """One comparison: seconds of ours and of the other way, and ours / other."""

    what: str
    ours: float
    other: float
    ratio: Ratio
    goal: float


def rows(arch: Arch, rounds: int) -> Iterator[Row | str]:
    """The comparisons of one architecture; a sentence for one that cannot be made here."""
    if arch.gdb is None:
        yield f"{arch.name}: its declaration does not say how gdb sees it"
        return
    yield _steps(arch, rounds)
    yield _stepi(arch, min(rounds, SESSIONS))


def render(found: Sequence[Row | str]) -> str:
    """As text of at most 100 columns."""
    head = f"{'':34}{'ours':>11}{'other':>11}   times the other way\n"
    foot = (
        "\nother: emu_start(count=1) and pc read; for stepi, the server of qemu-user. gdb has symbols of"
        "\nneither program, and a Unix socket to each; it shares one processor with the server. Both sides"
        "\ncame to the same instruction.\n"
    )
    return head + "".join(f"{row}\n" if isinstance(row, str) else _line(row) for row in found) + foot


def _line(row: Row) -> str:
    times = "".join(f"{1e6 * value:8.1f} us" for value in (row.ours, row.other))
    ratio = f"{row.ratio.median:.2f} ({row.ratio.low:.2f}-{row.ratio.high:.2f}), goal at most {row.goal}"
    return f"{row.what:34}{times}   {ratio}\n"


def _row(what: str, ours: list[float], other: list[float], goal: float) -> Row:
    return Row(what, statistics.median(ours), statistics.median(other), Ratio.of(ours, other), goal)


def _stepi(arch: Arch, rounds: int) -> Row | str:
    """The other way is the server of qemu-user."""
    what, found = f"{arch.name} stepi in gdb", sessions.measure(arch, rounds)
    return f"{what}: not measured, {found}" if isinstance(found, str) else _row(what, *found, STEPI_GOAL)


# -- a step with its undo record ---------------------------------------------------------------------------------------


def _steps(arch: Arch, rounds: int) -> Row:
    """From the trampoline's first instruction to the callback; the other way is unicorn's documented single step."""
    timeline, first, last = _passage(arch)
    documented = _documented(timeline, last - first)

    def ours() -> None:
        timeline.go_to(first)
        timeline.set_registers(timeline.registers)
        timeline.go_to(last)

    ours()
    end = timeline.pc
    if documented() != end:
        raise RunError(f"{arch.name}: the two ways to step come to different instructions")
    seconds = interleave({"ours": ours, "other": documented}, rounds)
    each = {name: [second / (last - first) for second in values] for name, values in seconds.items()}
    return _row(f"{arch.name} a step that can be undone", each["ours"], each["other"], STEP_GOAL)


def _passage(arch: Arch) -> tuple[Timeline, int, int]:
    """A timeline, and where on it a trampoline begins and where it has come to its callback."""
    lab = traced(Lab(arch.name), FUNCTION)
    timeline, places = Timeline(lab, FUNCTION), []
    for address in (lab.record(FUNCTION).target, lab.address("probe_func")):
        while timeline.pc != address:
            timeline.forward()
        places.append(timeline.position)
    timeline.go_to(places[0])
    return timeline, places[0], places[1]


def _documented(timeline: Timeline, steps: int) -> Callable[[], int]:
    """So many times emu_start(count=1), and pc read after each; what pc is at last."""
    lab, arch = timeline.lab, timeline.lab.arch
    name, modes = arch.engine.unicorn
    mode = sum(getattr(unicorn, f"UC_MODE_{part}") for part in modes)
    uc: Any = unicorn.Uc(getattr(unicorn, f"UC_ARCH_{name}"), mode)
    uc.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)
    load_segments(uc, arch)
    for region in lab.image.memory.regions:
        uc.mem_map(region.base, region.size)
        uc.mem_write(region.base, region.data[:])
    ids = {register.name: constant(arch, register) for register in arch.registers}
    values, pc = lab.layout.unpack(timeline.registers), ids[arch.abi.pc]
    start = values.pop(arch.abi.pc)

    def run() -> int:
        for register, value in values.items():
            uc.reg_write(ids[register], value)
        address = start
        for _ in range(steps):
            uc.emu_start(address, NEVER, count=1)
            address = uc.reg_read(pc)
        return int(address)

    return run
