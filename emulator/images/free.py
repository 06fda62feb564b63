# SPDX-License-Identifier: GPL-2.0-only
"""Addresses that a kernel's image leaves free, for what the laboratory adds to it."""

from __future__ import annotations

from emulator.assembly import fixups
from emulator.description import Arch, Branch, Memory
from emulator.errors import InputError, Place
from emulator.image import MODULE_SIZE, STACK_SIZE
from emulator.images.contents import Contents
from emulator.machine.memory import PAGE
from emulator.placement import DATA_SIZE, TEXT_SIZE
from emulator.spans import Span, merged, overlap


class Free:
    """What is left between a kernel's sections; nothing is given out twice, and pages around it stay free."""

    def __init__(self, contents: Contents, arch: Arch, near: int) -> None:
        self._name, self._near = contents.name, near
        self._taken = [*contents.spans]
        self._top = 1 << 8 * arch.word

    def take(self, what: str, size: int, wanted: int, branch: Branch | None = None) -> int:
        """The start of `size` bytes: `wanted`, or else what is nearest to the trampolines.

        With `branch`, both ends are within its reach of the trampolines. Raises InputError where there is no room.
        """
        taken = merged(self._taken)  # sections may overlap, on purpose (arm's vectors)
        for start in (wanted, *self._gaps(size)):
            span = Span(start - PAGE, start + size + PAGE)
            if not overlap([*taken, span]) and self._reached(span, branch):
                self._taken.append(Span(start, start + size))
                return start
        raise InputError(f"no room for {what} within reach of {self._near:#x}", Place(self._name))

    def _gaps(self, size: int) -> list[int]:
        """Where such a piece fits, directly below and above what is taken, the nearest to the trampolines first."""
        room = PAGE + size
        starts = [start - start % PAGE - room - PAGE for start, _ in self._taken]
        starts += [-(-end // PAGE) * PAGE + PAGE for _, end in self._taken]
        possible = (start for start in starts if start >= PAGE and start + room < self._top)
        return sorted(possible, key=lambda start: abs(start - self._near))

    def _reached(self, span: Span, branch: Branch | None) -> bool:
        return branch is None or all(_reaches(branch, end - end % PAGE, self._near - self._near % 4) for end in span)


def _reaches(branch: Branch, place: int, target: int) -> bool:
    try:
        fixups.encode_branch(branch, place, target)
    except fixups.FixupError:
        return False
    return True


def memory(contents: Contents, arch: Arch, call: Branch, near: int) -> Memory:
    """Room for everything: at the architecture's usual addresses where the image leaves them free.

    Where modules are usually out of a call's reach, so that nobody counts on it, they may be here too.
    """
    free, usual = Free(contents, arch, near), arch.memory
    close = call if _reaches(call, usual.modules, usual.text) else None
    return Memory(
        text=free.take("text", TEXT_SIZE, usual.text, call),
        modules=free.take("modules", MODULE_SIZE + PAGE, usual.modules, close),
        data=free.take("data", DATA_SIZE, usual.data),
        stack=free.take("stack", STACK_SIZE, usual.stack),
    )
