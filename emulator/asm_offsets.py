# SPDX-License-Identifier: GPL-2.0-only
"""What asm-offsets.h is to the kernel's assembly: the places of members of structs, under names of our own."""

from __future__ import annotations

from emulator.core import releases
from emulator.core.layout import ftrace_ops
from emulator.description import Arch, Struct, Variant


def offsets(arch: Arch, variant: Variant) -> dict[str, int]:
    """PT_<member> and PT_SIZE of pt_regs, FTRACE_OPS_<member> and FTRACE_OPS_SIZE of struct ftrace_ops, in bytes.

    Where ftrace_regs is another struct than pt_regs, FREGS_<member> and FREGS_SIZE too.
    """
    ops = ftrace_ops(releases.release(variant.release), arch.word, variant.abilities)
    fregs = _struct("FREGS", variant.fregs) if variant.fregs else {}
    return _struct("PT", arch.pt_regs) | fregs | _struct("FTRACE_OPS", ops)


def _struct(prefix: str, struct: Struct) -> dict[str, int]:
    return {f"{prefix}_{member.name}": member.offset for member in struct.members} | {f"{prefix}_SIZE": struct.size}
