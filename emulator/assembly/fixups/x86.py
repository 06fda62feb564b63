# SPDX-License-Identifier: GPL-2.0-only
"""x86: whole little-endian bytes. System V ABI, AMD64 supplement table 4.9, and i386 supplement table 4.9."""

from functools import partial

from emulator.assembly.fixups.field import Field, Machine, either, signed, span

_64 = partial(Field, wrap=64)
_32 = partial(Field, wrap=32, get=partial(signed, bits=32))

MACHINES = (
    Machine(
        62,
        {
            "R_X86_64_NONE": _64(number=0, size=0),
            "R_X86_64_64": _64(number=1, size=8),
            "R_X86_64_PC32": _64(number=2, size=4, relative=True, range=span(32)),
            "R_X86_64_PLT32": _64(number=4, size=4, relative=True, range=span(32)),
            "R_X86_64_32": _64(number=10, size=4, range=(0, (1 << 32) - 1)),
            "R_X86_64_32S": _64(number=11, size=4, range=span(32)),
            "R_X86_64_16": _64(number=12, size=2, range=either(16)),
            "R_X86_64_PC16": _64(number=13, size=2, relative=True, range=span(16)),
            "R_X86_64_8": _64(number=14, size=1, range=either(8)),
            "R_X86_64_PC8": _64(number=15, size=1, relative=True, range=span(8)),
            "R_X86_64_PC64": _64(number=24, size=8, relative=True),
        },
    ),
    Machine(
        3,
        {
            "R_386_NONE": _32(number=0, size=0),
            "R_386_32": _32(number=1, size=4),
            "R_386_PC32": _32(number=2, size=4, relative=True),
            "R_386_PLT32": _32(number=4, size=4, relative=True),
            "R_386_16": _32(number=20, size=2, range=either(16), get=partial(signed, bits=16)),
            "R_386_PC16": _32(number=21, size=2, relative=True, range=span(16), get=partial(signed, bits=16)),
            "R_386_8": _32(number=22, size=1, range=either(8), get=partial(signed, bits=8)),
            "R_386_PC8": _32(number=23, size=1, relative=True, range=span(8), get=partial(signed, bits=8)),
        },
    ),
)
