# SPDX-License-Identifier: GPL-2.0-only
"""The text that a passage has run through, as it was then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from emulator.assembly.decode import LONGEST, Flow, Instruction, disassemble, flow
from emulator.checks.blame import Blame
from emulator.description import ops_literal

if TYPE_CHECKING:
    from emulator.core.ops import FtraceOps
    from emulator.description import Arch


class Code(Blame):
    """A passage, and the instructions that there were."""

    def code(self, address: int, size: int) -> bytes:
        """Bytes of text as they were during the run; fewer where it ends."""
        for region in self.lab.image.code:
            if region.base <= address < region.end:
                start = address - region.base
                return self.hit.state.contents[region.name][start : start + size]
        return b""

    @property
    def patched_elsewhere(self) -> int | None:
        """The first byte of text that nobody was to change and that is not as it was built; None: there is none."""
        found = (self._changed(start, built) for start, built in self.lab.image.placement.built.items())
        return next((address for address in found if address is not None), None)

    def _changed(self, start: int, built: bytes) -> int | None:
        found = bytearray(self.code(start, len(built)))
        for address, size in self._patchable:
            if start <= address < start + len(built):
                span = slice(address - start, address - start + size)
                found[span] = built[span]
        if found == built:
            return None
        return start + next(at for at, (new, old) in enumerate(zip(found, built, strict=True)) if new != old)

    @property
    def _patchable(self) -> Iterator[tuple[int, int]]:
        """(address, bytes) of sites with what is before them, and of the labels in trampolines."""
        placed, graph, site = self.lab.image.placement, self.variant.graph, self.variant.site
        size, before = len(site.nop), 0 if site.mcount else len(site.prologue)
        for ip, _ in placed.sites:
            yield ip - before, size + before
            if (literal := ops_literal(site, ip, self.arch.word)) is not None:
                yield literal, self.arch.word
        calls = [entry.call for entry in self.variant.entries]
        calls += [call.label for call in graph.calls] if graph else []
        yield from ((placed.label(name), size) for name in calls if name)

    @property
    def ops_literal(self) -> int | None:
        """Where the site's own pointer to an ops is, None where it has none."""
        return ops_literal(self.variant.site, self.hit.ip, self.arch.word)

    def instruction(self, address: int) -> bytes:
        """As many bytes as the longest instruction has."""
        return self.code(address, LONGEST)

    @property
    def flows(self) -> Mapping[int, tuple[Flow, bool]]:
        """What kinds of branches the run's instructions were, and whether they went to an address they do not hold."""
        known, shape = self.hit.state.flows, self.recording.shape
        for address in shape.addresses.difference(known) if shape else ():
            known[address] = flow(self.arch.engine, self.instruction(address))
        return known

    @cached_property
    def ran(self) -> list[int]:
        """The instructions from the site to landing, or to the end where it never landed."""
        shape = self.recording.shape
        return [self.hit.ip, *shape.between(self.hit.event, self._end)] if shape else []

    @cached_property
    def ran_to_destination(self) -> list[int]:
        """The instructions from the site to where control goes on."""
        shape = self.recording.shape
        sent = next((at.event - 1 for at in self._at_destination), self._end)
        end = self._end if self.destination == self.after else sent
        return [self.hit.ip, *shape.between(self.hit.event, end)] if shape else []

    @property
    def ran_in_all(self) -> tuple[int, ...]:
        """Every instruction of the run, for its first passage; nothing for the others, so that it is told once."""
        shape = self.recording.shape
        return shape.pcs if shape and self.opens_run else ()

    @property
    def original(self) -> int | None:
        """What the site's target is a private copy of."""
        found = self.lab.image.symbols.original(self.hit.target)
        return found if self.hit.target and found != self.hit.target else None

    @property
    def copy_owner(self) -> FtraceOps | None:
        """The ops whose private copy the site calls; None where it has gone again."""
        core = self.lab.core
        return next((ops for ops in core.ops if ops.trampoline == self.hit.target and ops.has("ALLOC_TRAMP")), None)

    @property
    def call_label(self) -> int | None:
        """The call that the core patches, in the trampoline or in the copy that ran."""
        if self.entry is None or self.entry.call is None:
            return None
        offset = self.lab.image.placement.label(self.entry.call) - self.lab.image.placement.label(self.entry.symbol)
        return self.hit.target + offset


class Text(NamedTuple):
    """Code, and where it is."""

    address: int
    data: bytes


@lru_cache(maxsize=256)
def unlike(arch: Arch, copy: Text, original: Text) -> tuple[tuple[Instruction, Instruction], ...]:
    """(instruction of the copy, its twin in the original) where the two do not do the same."""
    twins = {at.address: at for at in disassemble(arch.engine, original.data, original.address)}
    distance = copy.address - original.address
    pairs = [(at, twins.get(at.address - distance)) for at in disassemble(arch.engine, copy.data, copy.address)]
    return tuple((at, twin) for at, twin in pairs if twin and not _alike(arch, at, twin, distance, original))


def _alike(arch: Arch, at: Instruction, twin: Instruction, distance: int, original: Text) -> bool:
    """Whether an instruction of a copy does what its twin does, and leads to where that leads, within itself if so."""
    ours, theirs = _leads_to(at, arch.abi.pc), _leads_to(twin, arch.abi.pc)
    if at.mnemonic != twin.mnemonic:
        return False
    if theirs is None:
        return at.operands == twin.operands
    within = original.address <= theirs <= original.address + len(original.data)
    return ours == (theirs + distance if within else theirs)


_RELATIVE = re.compile(r"(-?)(0x[0-9a-f]+|[0-9]+)?\(%(\w+)\)")


def _leads_to(at: Instruction, pc: str) -> int | None:
    """Where a direct branch goes, or what an operand relative to pc means; None for others."""
    if at.target is not None:
        return at.target
    found = _RELATIVE.search(at.operands)
    if found is None or found[3] != pc:
        return None
    distance = int(found[2] or "0", 0)
    return at.address + at.size + (-distance if found[1] else distance)
