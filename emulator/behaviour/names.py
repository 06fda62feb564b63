# SPDX-License-Identifier: GPL-2.0-only
"""Numbers by what they mean, so that neither a seed nor an address is left in what is said of them."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.lab import Lab
from emulator.origins import NEAR

OTHER = "another value"
SMALL = 4096
"""Numbers below are shown: no address and hardly ever a random number is one of them."""
AROUND = 64
"""Bytes from an address that has a name within which another is told by its distance."""


class Names:
    """The names of numbers at one moment: `registers` as they are then, and what is known besides, which goes first."""

    def __init__(self, lab: Lab, registers: Mapping[str, int], known: Mapping[int, str]) -> None:
        self._symbols, self._abi = lab.image.symbols, lab.arch.abi
        self._known, self._registers = known, registers
        self._bits = 8 * lab.arch.word

    def __call__(self, number: int) -> str:
        """ip, parent, a symbol, a register, a distance from sp, a small number; or that it is something else."""
        if number in self._known:
            return self._known[number]
        return self._register(number) or self._near(number) or self._symbol(number) or self._plain(number)

    def _register(self, number: int) -> str:
        """A register that holds a number that is large enough not to be there by chance."""
        names = [name for name, value in self._registers.items() if value == number and name != self._abi.flags]
        names.sort(key=lambda name: name != self._abi.sp)
        return names[0] if names and number >= SMALL else ""

    def _near(self, number: int) -> str:
        """What lies near something known, or near sp."""
        for known, name in self._known.items():
            if abs(number - known) <= AROUND:
                return f"{name}{number - known:+d}"
        distance = self._signed(number - self._registers[self._abi.sp])
        return f"{self._abi.sp}{distance:+d}" if abs(distance) <= NEAR else ""

    def _symbol(self, number: int) -> str:
        """A symbol; of a private copy the original's. Where in its code is left out: it moves with every edit."""
        original = self._symbols.original(number)
        function = self._symbols.function(original)
        if function:
            return function.name if function.address == original else f"an address in {function.name}"
        name = self._symbols.name(number)
        return "" if name == hex(number) else name

    def _plain(self, number: int) -> str:
        if number & ~self._abi.arithmetic_flags == self._abi.flags_base:
            return "flags"
        return f"{number:#x}" if number < SMALL else OTHER

    def _signed(self, number: int) -> int:
        number &= (1 << self._bits) - 1
        return number - (1 << self._bits) if number >> self._bits - 1 else number
