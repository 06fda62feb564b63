# SPDX-License-Identifier: GPL-2.0-only
"""U: what an unwinder sees, and what an interrupt may overwrite."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.description import Ability


@clause("U1", "the frame chain", needs=Ability.FRAME_POINTER)
def frame_chain(passage: Passage) -> Iterator[Violation] | None:
    """A walk along frame pointers from within a callback passes the traced function and then its parent.

    Or, where all registers are saved, the frame pointer is the record's address with its lowest bit set.
    Promised: arch/x86/kernel/ftrace_64.S of 6.x with CONFIG_FRAME_POINTER; ENCODE_FRAME_POINTER.
    Broken by: the parent's frame left out (stack traces without the function's caller), an encoded pointer missing.
    """
    if passage.entry is None or passage.entry.frames is None or passage.last is None:
        return None
    return _encoded(passage) if passage.entry.frames == "encoded" else _linked(passage)


def _linked(passage: Passage) -> Iterator[Violation]:
    pointer, lab = passage.at_first_call(passage.abi.frame_pointer), passage.lab
    frames = (("the traced function", passage.after), ("its parent", passage.parent or 0))
    for whose, wanted in frames:
        found = passage.word_at_first_call(pointer + passage.arch.word)
        if found != wanted:
            yield Violation(f"return address of {whose}", lab.symbol(wanted), lab.symbol(found or 0), passage.call_site)
            return
        pointer = passage.word_at_first_call(pointer) or 0
    if pointer != passage.site[passage.abi.frame_pointer or ""]:
        yield Violation("the parent's frame pointer", "as at the site", f"{pointer:#x}", passage.call_site)


def _encoded(passage: Passage) -> Iterator[Violation]:
    assert passage.last is not None  # noqa: S101 - frame_chain() has looked
    found, wanted = passage.at_first_call(passage.abi.frame_pointer), (passage.last.record or 0) | 1
    if found != wanted:
        yield Violation("frame pointer", f"{wanted:#x}", f"{found:#x}", passage.call_site)


@clause("U3", "below sp")
def below_sp(passage: Passage) -> Iterator[Violation] | None:
    """Nothing below sp is of use: an interrupt may overwrite it between any two instructions.

    Asked by running everything once more, with the stack below sp filled anew before each instruction: what is right
    otherwise and wrong then is this clause's.
    Promised: kernels are compiled without a red zone (-mno-red-zone).
    Broken by: sp raised before the last load from the frame (riscv, csky).
    """
    return None if passage.disturbed is None else iter(passage.disturbed)
