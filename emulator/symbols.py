# SPDX-License-Identifier: GPL-2.0-only
"""Names and addresses of the fake kernel, both ways, and the source line behind an address."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import NamedTuple

from emulator.assembly.piece import Line

_start = attrgetter("address")


class Function(NamedTuple):
    """The code [address, end) that listings call `name`."""

    address: int
    end: int
    name: str


class Copy(NamedTuple):
    """A function whose code was copied from `original`."""

    function: Function
    original: int


class Symbols:
    """Every label by name; addresses as symbol+offset of the function around them; lines of the code.

    A private copy is a function of its own whose lines are those of the original. Nothing is ever forgotten, so that a
    recording can be read when the copy that it ran through has long been freed.
    """

    def __init__(self) -> None:
        self._address: dict[str, int] = {}
        self._functions: list[Function] = []
        self._data: dict[int, str] = {}
        self._lines: dict[int, Line] = {}
        """Shared by all copies: only code has lines, and it is all there before the first copy is made."""
        self._copies: list[Copy] = []

    def copy(self) -> Symbols:
        """The same names, to which others can be added."""
        other = Symbols()
        other._address, other._functions = dict(self._address), list(self._functions)
        other._data, other._lines, other._copies = dict(self._data), self._lines, list(self._copies)
        return other

    def __iter__(self) -> Iterator[str]:
        return iter(self._address)

    def __contains__(self, name: str) -> bool:
        return name in self._address

    def address(self, name: str) -> int:
        """The address of a label. Raises KeyError."""
        return self._address[name]

    def get(self, name: str) -> int | None:
        """The address of a label, or None."""
        return self._address.get(name)

    def add_label(self, name: str, address: int) -> None:
        """A name that listings do not show: a label within a function."""
        self._address[name] = address

    def add_function(self, name: str, address: int, size: int) -> Function:
        """A name that listings show for the addresses in its size."""
        function = Function(address, address + size, name)
        self._address[name] = address
        bisect.insort(self._functions, function, key=_start)
        return function

    def add_data(self, name: str, address: int) -> None:
        """A variable, or an ops."""
        self._address[name] = address
        self._data[address] = name

    def add_line(self, address: int, line: Line) -> None:
        """The source of the instruction at an address."""
        self._lines[address] = line

    def add_copy(self, name: str, address: int, size: int, original: int) -> None:
        """A function copied from the code at `original`; another copy of that name gives it up."""
        self._copies.append(Copy(self.add_function(name, address, size), original))

    @property
    def functions(self) -> tuple[Function, ...]:
        """All functions, in the order of their addresses."""
        return tuple(self._functions)

    @property
    def data(self) -> Mapping[int, str]:
        """{address: name} of variables and ops."""
        return self._data

    @property
    def copies(self) -> tuple[Copy, ...]:
        """All copies that there have ever been."""
        return tuple(self._copies)

    def function(self, address: int) -> Function | None:
        """The innermost function around an address."""
        index = bisect.bisect_right(self._functions, address, key=_start)
        return next((known for known in reversed(self._functions[:index]) if address < known.end), None)

    def name(self, address: int) -> str:
        """symbol+0xoffset, the name of a variable or ops as &name, or the bare address where nothing is known."""
        if address in self._data:
            return f"&{self._data[address]}"
        function = self.function(address)
        if function is None:
            return f"{address:#x}"
        offset = address - function.address
        return f"{function.name}+{offset:#x}" if offset else function.name

    def original(self, address: int) -> int:
        """The address that the code at `address` was copied from; the same address where it is no copy."""
        for copy in self._copies:
            if copy.function.address <= address < copy.function.end:
                return copy.original + address - copy.function.address
        return address

    def line(self, address: int) -> Line | None:
        """The source line of the instruction at an address; a copy's is its original's."""
        return self._lines.get(self.original(address))

    def where(self, address: int) -> str:
        """symbol+offset (file:line), as far as known."""
        line = self.line(address)
        return f"{self.name(address)} ({line.place._replace(column=0)})" if line else self.name(address)
