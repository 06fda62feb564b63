# SPDX-License-Identifier: GPL-2.0-only
"""The names that a variant's kernel gives to what the laboratory has to find in an image."""

from __future__ import annotations

from emulator.core import releases
from emulator.core.graph import RETURN_STUB
from emulator.core.release import VARIABLES
from emulator.core.returns import RETURN_TO_HANDLER
from emulator.description import Arch, Variant
from emulator.images.sites import START, STOP
from emulator.placement import GRAPH_STUB, PANIC, PREPARE, RETURN, STUB

DIRECT_STUB = "ftrace_stub_direct_tramp"
"""The direct trampoline of the kernel's own test (since 6.2)."""


def trampolines(variant: Variant) -> list[str]:
    """Where code of trampolines begins. Not every kernel has all of them."""
    entries = [entry.symbol for entry in variant.entries]
    callers = [call.caller for call in variant.graph.calls] if variant.graph else []
    mcount = (variant.site.mcount,) if variant.site.mcount else ()
    names = (*mcount, STUB, *entries, *callers, RETURN_TO_HANDLER, RETURN_STUB, DIRECT_STUB)
    return list(dict.fromkeys(names))


def inner(variant: Variant) -> set[str]:
    """Labels within them."""
    entries = variant.entries
    names = [name for entry in entries for name in (entry.call, entry.end, entry.op_load, entry.direct_jump)]
    names += [call.label for call in variant.graph.calls] if variant.graph else []
    return {name for name in names if name}


def code(arch: Arch) -> set[str]:
    """All labels of trampolines that any variant of an architecture may have."""
    return {name for variant in arch.variants for name in (*trampolines(variant), *inner(variant))}


def every(arch: Arch) -> set[str]:
    """All names that any variant may have."""
    every_function = {name for variant in arch.variants for name in functions(variant)}
    return {*code(arch), *variables(), *every_function, START, STOP, *relocations(arch)}


def relocations(arch: Arch) -> list[str]:
    """Where the words are that a kernel relocates itself."""
    return [name for table in arch.self_relocation.tables for name in table] if arch.self_relocation else []


def functions(variant: Variant) -> list[str]:
    """The C functions that Python acts for."""
    return [*releases.release(variant.release).functions, PREPARE, RETURN, GRAPH_STUB, PANIC]


def variables() -> list[str]:
    """The variables that trampolines read and the core writes."""
    return list(VARIABLES)
