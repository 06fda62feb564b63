# SPDX-License-Identifier: GPL-2.0-only
"""The bare emulation of the same bytes: nothing is observed, and C functions are return instructions."""

from __future__ import annotations

import ctypes

from unicorn.unicorn_py3.unicorn import uclib

from emulator.bench.subject import Subject
from emulator.machine.engine import Machine


class Bare:
    """One engine of the same kind without any hook but the exit's."""

    def __init__(self, subject: Subject) -> None:
        self._machine = Machine(subject.arch, None)
        self._machine.attach(self, subject.memory, (), subject.exit)
        self._registers = subject.packed
        self._arguments = (
            self._machine.handle,
            ctypes.c_uint64(subject.start),
            ctypes.c_uint64(0),
            ctypes.c_uint64(0),
            ctypes.c_size_t(subject.limit),
        )

    def run(self) -> None:
        """One call."""
        self._machine.registers.write(self._registers)
        uclib.uc_emu_start(*self._arguments)
