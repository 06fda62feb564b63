# SPDX-License-Identifier: GPL-2.0-only
"""Where a frame's return address and registers are at each instruction, as recorded runs show it.

A compiler writes that into .debug_frame; of an assembler source nobody knows it. So runs are watched: when a function
is entered, its frame's address (CFA) is the stack pointer before the call; from then on, at every instruction, the
distance to it is known, and the words of the stack are searched for what the registers held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from emulator.description import Ability, Arch
from emulator.errors import InputError
from emulator.lab import Lab
from emulator.placement import placement
from emulator.play import survey
from emulator.runner import Run
from emulator.scenario import story
from emulator.subject import Subject

FRAME = 512
"""Bytes above the stack pointer in which a frame's words are looked for; a pt_regs and some more."""
ENOUGH = 6
"""Runs through an instruction after which no other value than the frame's address is looked for."""
CALL_SIZE = 8
"""The longest call instruction."""


class Rule(NamedTuple):
    """At one instruction: CFA = sp + `cfa`; {register: offset of its word from the CFA} of those that are in memory.

    A register that is in `lost` is nowhere; the others hold what they held when the function was entered. The return
    address is under the name of the program counter, or of the link register where there is one; where that is lost,
    it may still be in the register `back`.
    """

    cfa: int
    saved: Mapping[str, int]
    lost: frozenset[str]
    back: str | None = None


Where = int | str | None
"""Where a value may be: an offset from the CFA, another register; None: in its own register."""


class Conflict(NamedTuple):
    """Two runs came to one instruction with stacks of different heights."""

    address: int
    first: int
    other: int


@dataclass(slots=True)
class _Frame:
    """A function that has been entered: its CFA, where it returns to, what the registers held.

    `function` is its address, `hooked` how many returns the graph tracer had taken by then.
    """

    cfa: int
    back: int
    registers: Mapping[str, int]
    function: int
    hooked: int


@dataclass(slots=True)
class _Seen:
    """What runs have shown of one instruction: where each register's value may be."""

    cfa: int
    runs: int = 0
    where: dict[str, frozenset[Where]] = field(default_factory=dict)


class Unwinding:
    """Rules, by the addresses of instructions; those of private copies are their originals'."""

    def __init__(self, arch: Arch) -> None:
        self.returns = arch.abi.link or arch.abi.pc
        """Under which name the return address goes."""
        self._seen: dict[int, _Seen] = {}
        self.conflicts: list[Conflict] = []
        self._outermost: dict[int, bool] = {}
        self.calls: set[int] = set()
        """The instructions that have called somebody."""

    def watch(self, lab: Lab) -> None:
        """Learn from all runs of a lab that follow."""
        lab.runner.visitor = _Watch(lab, self).visit

    def rule(self, address: int) -> Rule | None:
        """The rule of an instruction; None where no run has been, or where runs disagree."""
        seen = self._seen.get(address)
        if seen is None or any(conflict.address == address for conflict in self.conflicts):
            return None
        saved = {name: max(offsets) for name, offsets in self._in_memory(seen)}
        where = {self.returns: frozenset[Where](), **seen.where}
        lost = frozenset(name for name, found in where.items() if name not in saved and None not in found)
        back = next((place for place in sorted(map(str, where[self.returns])) if place in seen.where), None)
        return Rule(seen.cfa, saved, lost, back)

    def _in_memory(self, seen: _Seen) -> Iterator[tuple[str, list[int]]]:
        """The registers that are no longer where they were, and where they are; and the return address in any case.

        A link register that still holds it will not do so any more when the instruction has called somebody.
        """
        for name, found in seen.where.items():
            offsets = [offset for offset in found if isinstance(offset, int)]
            if offsets and (name == self.returns or None not in found):
                yield name, offsets

    def outermost(self, address: int) -> bool:
        """Whether the frame there has always been the first of its run, which returns to nobody."""
        return self._outermost.get(address, False)

    def expect_agreement(self, lab: Lab) -> None:
        """Raises InputError where runs came to an instruction with stacks of different heights."""
        for address, first, other in self.conflicts:
            where = lab.where(address)
            raise InputError(
                f"{where}: the frame is {first} bytes above the stack pointer in one run, {other} in another"
            )

    def learn(self, address: int, cfa: int, where: Mapping[str, frozenset[Where]] | None) -> None:
        """One run has come to an instruction."""
        seen = self._seen.setdefault(address, _Seen(cfa))
        if seen.cfa != cfa:
            self.conflicts.append(Conflict(address, seen.cfa, cfa))
            return
        seen.runs += 1
        for name, found in (where or {}).items():
            seen.where[name] = seen.where.get(name, found) & found

    def learnt(self, address: int) -> bool:
        """Whether enough runs have come there."""
        seen = self._seen.get(address)
        return seen is not None and seen.runs >= ENOUGH

    def note_outermost(self, address: int, outermost: bool) -> None:  # noqa: FBT001 - what is noted
        """Whether a frame there is the first of its run."""
        self._outermost[address] = self._outermost.get(address, True) and outermost


class _Watch:
    """The frames of one lab's runs as they come and go."""

    def __init__(self, lab: Lab, unwinding: Unwinding) -> None:
        self._lab, self._unwinding, self._abi = lab, unwinding, lab.arch.abi
        self._returns = unwinding.returns
        self._order = lab.arch.order
        self._kept = [name for name in lab.layout.names if name not in (self._abi.sp, self._abi.pc, self._abi.flags)]
        self._frames: list[_Frame] = []
        self._labels: set[int] = set()
        self._traced = {lab.address(rec.symbol) for rec in lab.core.records.values()}
        self._last = 0

    def visit(self, run: Run, pc: int) -> None:
        """Before an instruction."""
        values = self._lab.layout.unpack(run.machine.registers.read())
        if run.event == 1:
            symbols = self._lab.image.symbols
            self._frames, self._labels = [self._entered(values)], {symbols.address(name) for name in symbols}
        else:
            self._follow(pc, values)
        self._last = pc
        if self._frames:
            self._look(pc, values, self._frames[-1])

    def _follow(self, pc: int, values: Mapping[str, int]) -> None:
        """Functions that have returned are gone; one that has been called is there."""
        sp = values[self._abi.sp]
        while self._frames and pc == self._frames[-1].back and sp >= self._frames[-1].cfa:
            self._frames.pop()
        if pc in self._labels:  # ftrace_stub may be one within ftrace_caller
            entered = self._entered(values)
            if 0 < entered.back - self._last <= CALL_SIZE:
                self._frames.append(entered)
                self._unwinding.calls.add(self._lab.image.symbols.original(self._last))

    def _entered(self, values: Mapping[str, int]) -> _Frame:
        sp = values[self._abi.sp]
        pc, hooked = values[self._abi.pc], self._lab.core.graph.returns.hooked
        if self._abi.link:
            return _Frame(sp, values[self._abi.link], values, pc, hooked)
        memory, word = self._lab.image.memory, self._lab.arch.word
        back = memory.read_word(sp) if memory.region(sp, word) else 0
        return _Frame(sp + word, back, values, pc, hooked)

    def _look(self, pc: int, values: Mapping[str, int], frame: _Frame) -> None:
        address = self._lab.image.symbols.original(pc)
        where = None if self._unwinding.learnt(address) else self._where(values, frame)
        self._unwinding.learn(address, frame.cfa - values[self._abi.sp], where)
        self._unwinding.note_outermost(address, frame.back == self._lab.image.exit)

    def _where(self, values: Mapping[str, int], frame: _Frame) -> dict[str, frozenset[Where]]:
        """{register: where it may be found}, of all that have been in use when the function was entered."""
        wanted = {name: frame.registers[name] for name in self._kept} | {self._returns: frame.back}
        words = self._words(values[self._abi.sp], frame.cfa)
        where: dict[str, frozenset[Where]] = {
            name: frozenset([*words.get(value, ()), *([None] if values[name] == value else [])])
            for name, value in wanted.items()
        }
        where[self._returns] |= {name for name in self._kept if name != self._returns and values[name] == frame.back}
        if not where[self._returns] or self._taken(frame):
            del where[self._returns]
        return where

    def _taken(self, frame: _Frame) -> bool:
        """Whether the graph tracer has the return address of a frame, which what is left of it elsewhere is not."""
        traced = frame.function in self._traced
        return traced and self._lab.core.graph.returns.hooked > frame.hooked

    def _words(self, sp: int, cfa: int) -> dict[int, list[int]]:
        """{word of the stack: where it is, as offsets from the CFA}."""
        stack, word = self._lab.image.stack, self._lab.arch.word
        start = sp - stack.base
        data = stack.data[start : start + FRAME] if 0 <= start < stack.size else b""
        found: dict[int, list[int]] = {}
        for at in range(0, len(data) - word + 1, word):
            found.setdefault(int.from_bytes(data[at : at + word], self._order), []).append(sp + at - cfa)
        return found


def unwinding(subject: Subject, seed: int) -> Unwinding:
    """What the usual scenarios show, each with the graph tracer beside it too, and every traced function by itself.

    Raises InputError where no kernel can be made.
    """
    known = Unwinding(subject.arch)
    functions = [name for _, name in placement(subject).sites]
    scenarios = story(subject.variant, functions[0], functions[min(1, len(functions) - 1)])
    if Ability.FUNCTION_GRAPH_TRACER in subject.variant.abilities:
        hooked = [item for item in scenarios if item.ops and not item.graph]
        scenarios += [replace(item, name=f"{item.name}_hooked", graph=True) for item in hooked]
    survey(subject, scenarios, functions[0], seed, prepare=known.watch)
    lab = Lab(subject=subject, seed=seed)
    known.watch(lab)
    for function in functions[1:]:
        lab.run(function)
    return known
