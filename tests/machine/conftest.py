# SPDX-License-Identifier: GPL-2.0-only
"""A guest without a kernel: a page of code, a page of data, and one engine of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from emulator import catalog
from emulator.description import Arch
from emulator.machine.engine import Gate, Machine, Stop
from emulator.machine.memory import PAGE, Memory, Region
from emulator.machine.registers import Layout
from emulator.machine.trace import Tracer

ARCHS = [catalog.load(name) for name in ("x86_64", "arm")]


@dataclass(frozen=True)
class Code:
    """Instructions in bytes; load, store and jump go through the register of the return value."""

    load: str
    store: str
    jump: str
    nop: str
    loop: str
    illegal: str
    trap: str
    halt: str


CODE = {
    "x86_64": Code("488b00", "488900", "ffe0", "90", "ebfe", "0f0b", "cc", "f4"),
    "arm": Code("000090e5", "000080e5", "10ff2fe1", "00f020e3", "feffffea", "f000f0e7", "000000ef", "03f020e3"),
}


class Guest:
    """Code at the beginning of a text page, whose last instructions are the exit."""

    def __init__(self, arch: Arch, make_tracer: Callable[..., Tracer] | None = None) -> None:
        self.arch, self.layout, self.code = arch, Layout(arch), CODE[arch.name]
        self.text = Region("text", arch.memory.text, PAGE, executable=True)
        self.data = Region("data", arch.memory.data, PAGE, writable=True)
        self.memory = Memory((self.text, self.data), word=arch.word, big_endian=arch.big_endian)
        self.start, self.exit = self.text.base, self.text.base + 0x800
        self.memory.write(self.exit, arch.exit)
        self.machine = Machine(arch, make_tracer)
        self.gates: list[Gate] = []

    def put(self, *instructions: str) -> int:
        """Code that falls into the exit by running over NOPs; the address behind the instructions."""
        code = bytes.fromhex("".join(instructions))
        nop = bytes.fromhex(self.code.nop)
        self.memory.write(self.start, code + nop * ((self.exit - self.start - len(code)) // len(nop)))
        return self.start + len(code)

    def run(self, limit: int = 5000, start: int = 0, **registers: int) -> Stop:
        """A run from the start, all registers 0 but the flags, `result` (the return register) and those named."""
        abi = self.arch.abi
        values = dict.fromkeys(self.layout.names, 0) | {abi.flags: abi.flags_base}
        values[abi.returns[0]] = registers.pop("result", 0)
        self.machine.attach(self, self.memory, self.gates, self.exit)
        return self.machine.run(start or self.start, self.layout.pack(values | registers), limit)

    def pc(self, stop: Stop) -> int:
        return self.layout.get(stop.registers, self.arch.abi.pc)


@pytest.fixture(params=ARCHS, ids=lambda arch: arch.name)
def arch(request: pytest.FixtureRequest) -> Arch:
    found: Arch = request.param
    return found


@pytest.fixture
def guest(arch: Arch) -> Guest:
    return Guest(arch)


@pytest.fixture
def traced(arch: Arch) -> Guest:
    return Guest(arch, Tracer)
