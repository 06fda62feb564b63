# SPDX-License-Identifier: GPL-2.0-only
"""Interrupts and NMIs whose handler calls a traced function, between any two instructions of a trampoline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import TYPE_CHECKING

from emulator.checks.clause import Clause
from emulator.checks.exercise import Exercise
from emulator.checks.finding import Violation
from emulator.checks.passage import MOST, Passage
from emulator.checks.rig import FUNCTION, Rig
from emulator.core.task import Context
from emulator.errors import EmulatorError

if TYPE_CHECKING:
    from emulator.runner import Run

INNER = ("T1", "T2", "T3", "T4", "T5", "C0", "C1", "C2")
"""The clauses that the passage within the handler is asked."""
Make = Callable[[], Rig]
Path = tuple[int, ...]
Calls = Mapping[int, int]
"""{the number of a call: how many of its first instructions in trampolines go a way that is known}."""
Fault = tuple[str, str]
"""(clause, what)."""


class Interrupts:
    """Interrupts the runs of a rig, once before each instruction of its sites and trampolines, or before one alone.

    `calls` are those of the rig's to which they come, once they have left the ways that are known; None: to all, from
    the beginning. Where the task has interrupts enabled they come in turn from a device and as an NMI; else all of them
    are NMIs.
    """

    def __init__(self, rig: Rig, calls: Calls | None = None, only: int | None = None) -> None:
        self.addresses: list[int] = []
        """Where they have come, in order."""
        self._rig, self._calls, self._only = rig, calls, only
        self._passed: set[int] = set()
        self._walked: Counter[int] = Counter()
        """{the number of a call: how many instructions of trampolines it has run}."""
        self._sites = frozenset(rig.lab.core.records)
        rig.lab.runner.visitor = self._visit

    def _visit(self, run: Run, address: int) -> None:
        call, trampoline = self._rig.calls, self._rig.lab.image.in_trampoline(address)
        part = 0 if self._calls is None else self._calls.get(call)
        if part is None or not (trampoline or address in self._sites):
            return
        self._walked[call] += trampoline
        known = address in self._passed or (trampoline and self._walked[call] <= part)
        self._passed.add(address)
        if not known:
            self.addresses.append(address)
            if self._only in (None, len(self.addresses) - 1):
                self._interrupt(run.machine.registers.read())

    def _interrupt(self, registers: bytes) -> None:
        lab = self._rig.lab
        if self._rig.spoilt:  # the handler's function cannot be called any more
            return
        interrupted, lab.current.context = lab.current.context, self._context(registers)
        try:
            recording = lab.runner.interrupt(FUNCTION, registers)
        finally:
            lab.current.context = interrupted
        if recording is not None:
            self._rig.keep(recording)

    def _context(self, registers: bytes) -> Context:
        """Only an NMI comes where the flags say that nothing else may."""
        abi, layout = self._rig.arch.abi, self._rig.lab.layout
        control = (layout.get(registers, abi.flags) ^ abi.flags_base) & ~abi.arithmetic_flags
        return Context.IRQ if not control and len(self.addresses) % 2 else Context.NMI


def interrupted(
    make: Make, exercise: Exercise, calls: Calls | None = None, only: int | None = None
) -> tuple[Rig, list[int]]:
    """Do an exercise with interrupts; where they have come. How it ended is seen in the rig's recordings."""
    rig = make()
    interrupts = Interrupts(rig, calls, only)
    with suppress(EmulatorError):
        exercise.run(rig)
    rig.lab.runner.visitor = None
    return rig, interrupts.addresses


def ask(rig: Rig, clauses: Sequence[Clause]) -> Iterator[tuple[Passage, Clause, Violation]]:
    """What is wrong in the passages of a rig that was interrupted, and in those within the handlers."""
    inner = [clause for clause in clauses if clause.id in INNER]
    for recording in rig.recordings:
        for hit in recording.hits[:MOST]:
            passage = Passage(recording, hit)
            for clause in inner if recording.nested else clauses:
                for violation in clause.check(passage) or ():
                    yield passage, clause, violation


def blame(
    make: Make, exercise: Exercise, clauses: Sequence[Clause], calls: Calls, count: int, wanted: AbstractSet[Fault]
) -> dict[Fault, int]:
    """{fault: the first instruction before which a single interrupt is enough}, for those that are wanted."""
    found: dict[Fault, int] = {}
    for number in range(count):
        if wanted <= found.keys():
            break
        rig, addresses = interrupted(make, exercise, calls, number)
        if number >= len(addresses):  # only with others before it did the run come so far
            break
        for _, clause, violation in ask(rig, clauses):
            found.setdefault((clause.id, violation.what), addresses[number])
    return found


def paths(rig: Rig) -> Iterator[tuple[Path, int]]:
    """(a way through a trampoline, which of the rig's calls has taken it), private copies taken for their originals.

    The last number of a way says whether the graph tracer has taken the return.
    """
    image, call = rig.lab.image, 0
    for recording in rig.recordings:
        for passage in (Passage(recording, hit) for hit in recording.hits[:MOST]):
            ran = (image.symbols.original(pc) for pc in passage.ran if image.in_trampoline(pc))
            yield (*ran, passage.took_return), call
        call += not recording.nested  # a nested one ends before that from which it was made


def known_part(path: Path, known: Iterable[Path]) -> int:
    """How many instructions of a way are the first ones of a known way, too."""
    return max((_common(path[:-1], other[:-1]) for other in known), default=0)


def _common(one: Path, other: Path) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(one), len(other)))
