# SPDX-License-Identifier: GPL-2.0-only
"""Numbers out of a seed: what registers hold when a run begins, and what a C function leaves behind in them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache

from emulator.description import Arch
from emulator.machine.registers import Layout


def blank_registers(arch: Arch) -> dict[str, int]:
    """0 in every register that takes it, but the flags."""
    first = {name: selectors[0] for name, selectors in arch.segments.selectors.items()} if arch.segments else {}
    return {register.name: 0 for register in arch.registers} | {arch.abi.flags: arch.abi.flags_base} | first


@lru_cache(maxsize=64)
def _drawn(arch: Arch, seed: str) -> dict[str, int]:
    return random_registers(arch, random.Random(seed))


def seeded_registers(arch: Arch, seed: str) -> dict[str, int]:
    """What random_registers() makes of the numbers of a seed: many kernels begin with the same ones."""
    return dict(_drawn(arch, seed))


def random_registers(arch: Arch, numbers: random.Random) -> dict[str, int]:
    """A random number in every register; of the flags only the arithmetic ones are random."""
    values = {register.name: random_value(arch, register.name, numbers) for register in arch.registers}
    abi = arch.abi
    values[abi.flags] = abi.flags_base | values[abi.flags] & abi.arithmetic_flags
    return values


def random_value(arch: Arch, register: str, numbers: random.Random) -> int:
    """A number that a register takes."""
    if arch.segments and register in arch.segments.selectors:
        return numbers.choice(arch.segments.selectors[register])
    return numbers.getrandbits(8 * arch.word)


class Scribbler:
    """A hostile C function: on return it has changed every register that the ABI lets it change.

    The stack pointer, the link register and pc stay, because the return instruction still has to run.
    """

    def __init__(self, arch: Arch, layout: Layout, values: Mapping[str, int]) -> None:
        abi = arch.abi
        kept = {abi.pc, abi.sp, abi.link, *abi.preserved}
        self.junk = {name: value for name, value in values.items() if name not in kept}
        """What the changed registers hold afterwards."""
        full = (1 << 64) - 1
        keep = {name: full if name in kept else 0 for name in layout.names}
        self._keep = int.from_bytes(layout.pack(keep), "little")
        self._junk = int.from_bytes(layout.pack({**keep, **self.junk}), "little") & ~self._keep

    def __call__(self, registers: bytes) -> bytes:
        """Packed registers after the function, from those at its entry."""
        kept = int.from_bytes(registers, "little") & self._keep
        return (kept | self._junk).to_bytes(len(registers), "little")
