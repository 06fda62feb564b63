# SPDX-License-Identifier: GPL-2.0-only
"""Which instructions of an image belong to its trampolines: those that control can come to from their labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from emulator.assembly.decode import LONGEST, detailed
from emulator.description import Engine
from emulator.errors import InputError, Place
from emulator.images.contents import Contents
from emulator.images.references import Decoded, Reference, Role, language
from emulator.spans import Span, merged

MOST = 4096
"""Instructions of all trampolines together; the most that a real kernel has is a few hundred."""
SMALL = 32
"""Instructions of code that is called and belongs to the trampolines all the same: a thunk."""
GAP = 64
"""Bytes between two pieces of code that make them one: padding, and what stands behind a call that does not return."""


class Walk:
    """The code that can be come to from `starts`, by branches and by going on, but not beyond `others`.

    `others` are C functions. What is jumped to belongs to the code; what is called does where it is a thunk: little
    code that looks at no variable. `calls` are the addresses that are called and do not. Raises InputError where there
    is no code, or more than trampolines can have.
    """

    def __init__(self, contents: Contents, engine: Engine, starts: Iterable[int], others: Collection[int]) -> None:
        self._contents, self._engine, self._others = contents, engine, others
        self._language = language(engine)
        self.found: dict[int, Decoded] = {}
        self.calls: set[int] = set()
        for start in starts:
            if self._decode(start) is None:
                there = contents.read(start, LONGEST).hex(" ") or "nothing"
                raise InputError(f"no code at {start:#x}: there is {there}", Place(contents.name))
            more = self._from(start, MOST)
            if more is None:
                raise InputError(f"more than {MOST} instructions follow {start:#x}", Place(contents.name))
            self.found |= more

    @property
    def instructions(self) -> list[Decoded]:
        """All of them, in the order of their addresses."""
        return [self.found[address] for address in sorted(self.found)]

    @property
    def references(self) -> list[Reference]:
        """The fields that depend on addresses, but for numbers that only look like addresses."""
        every = self._language.references(self.instructions)
        return [found for found in every if found.role is Role.CODE or self._contents.extent(found.target)]

    def extents(self) -> list[Span]:
        """Where the code is, literals included."""
        spans = [Span(at.address, at.end) for at in self.found.values()]
        spans += [Span(at.target, at.target + 8) for at in self.references if at.role is Role.LITERAL]
        return merged(spans, GAP)

    # -- one start ----------------------------------------------------------------------------------------------------

    def _decode(self, address: int) -> Decoded | None:
        data = self._contents.read(address, LONGEST) if self._contents.executable(address) else b""
        detail = detailed(self._engine, data)
        return Decoded(address, data[: detail.size], detail) if detail else None

    def _from(self, start: int, most: int) -> dict[int, Decoded] | None:
        """What follows a start and is not known yet; None where that is more than `most` instructions."""
        found: dict[int, Decoded] = {}
        pending = [start]
        while pending:
            address: int | None = pending.pop()
            while address is not None and address not in found and address not in self.found:
                at = None if address in self._others and address != start else self._decode(address)
                if at is None:
                    break
                found[address] = at
                if len(self.found) + len(found) > most:
                    return None
                pending += self._targets(at, found)
                address = None if self._language.ends(at) else at.end
        return found

    def _targets(self, at: Decoded, found: dict[int, Decoded]) -> Iterator[int]:
        """Where a branch leads to, as far as that is the same code; a thunk that it calls is added here and now."""
        for reference in self._language.references([at]):
            if reference.role is not Role.CODE or reference.target in self._others:
                continue
            if not self._language.calls(at):
                yield reference.target
            elif not any(reference.target in known for known in (found, self.found, self.calls)):
                thunk = self._thunk(reference.target)
                if thunk is not None:
                    found |= thunk
                elif self._contents.executable(reference.target):
                    self.calls.add(reference.target)

    def _thunk(self, start: int) -> dict[int, Decoded] | None:
        """The code of a small function; None for others."""
        found: dict[int, Decoded] = {}
        pending = [start]
        while pending:
            address: int | None = pending.pop()
            while address is not None and address not in found and address not in self._others:
                at = self._decode(address)
                if at is None or len(found) == SMALL:
                    return None
                found[address] = at
                references = list(self._language.references([at]))
                if any(reference.role is Role.DATA for reference in references):
                    return None
                pending += [reference.target for reference in references]
                address = None if self._language.ends(at) else at.end
        return found
