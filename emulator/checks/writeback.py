# SPDX-License-Identifier: GPL-2.0-only
"""W: what a callback asks for by writing to its record."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.checks.scope import with_ip_loaded, with_loads


@clause("W1", "another ip", scope=with_ip_loaded)
def another_ip(passage: Passage) -> Iterator[Violation] | None:
    """A callback that changes ip in its record sends control there, with every register as at the site.

    Asked where the entry loads ip back. sp is as after the site, as if the function had jumped there itself.
    Promised: livepatch and kprobes (arch/x86/include/asm/livepatch.h of 3.x; ftrace_regs_set_instruction_pointer()).
    Broken by: a restore of the address that was saved first, registers spoilt on this way out alone.
    """
    if passage.destination == passage.after or passage.called_directly:
        return None
    if passage.landed is None:
        return iter([passage.lost()])
    return _as_wanted(passage, passage.wanted)


@clause("W2", "registers, flags, direct calls", scope=with_loads)
def written_back(passage: Passage) -> Iterator[Violation] | None:
    """What a callback writes to a member that is loaded back is in the register afterwards; a direct trampoline is
    entered exactly as if the site had called it.

    Promised: pt_regs of kprobes; arch_ftrace_set_direct_caller().
    A direct trampoline that is code returns to the ip in the record, and what was written to it is in the registers.
    Broken by: flags loaded from the slot of another member, a direct exit that leaves one word too many on the stack.
    """
    asked, symbol = passage.recording.asked_direct, passage.lab.symbol
    if asked not in (None, passage.expected.direct) and passage.hit.symbol == passage.recording.function:
        got = symbol(passage.expected.direct) if passage.expected.direct else "none"
        return iter([Violation("direct call", symbol(asked) if asked else "none", got, passage.hit.ip)])
    if passage.called_directly:
        return iter([passage.lost()]) if passage.landed is None else _as_called(passage)
    loaded = [name for name in passage.changed if passage.entry and name in passage.entry.honours]
    if not loaded or passage.landed is None:
        return None
    names = {passage.register(passage.struct.member(name)) for name in loaded}
    return _as_wanted(passage, {name: passage.wanted[name] for name in names if name})


def _as_called(passage: Passage) -> Iterator[Violation]:
    """What a direct trampoline finds: registers, and the address that it returns to where calls push that."""
    yield from _as_wanted(passage, passage.wanted)
    sp, symbol = passage.wanted[passage.abi.sp], passage.lab.symbol
    found = passage.word_at_landing(sp)
    if not passage.abi.link and found != passage.returns_to:
        yield Violation("the word at sp", symbol(passage.returns_to), symbol(found or 0), passage.writer(sp))


def _as_wanted(passage: Passage, wanted: dict[str, int]) -> Iterator[Violation]:
    """Compare what the entry promises."""
    landed = passage.landed or {}
    for name, value in wanted.items():
        if name == passage.abi.flags:
            yield from passage.wrong_flags(value)
        elif name not in passage.free and landed[name] != value:
            yield Violation(name, f"{value:#x}", f"{landed[name]:#x}", passage.blame(name))
