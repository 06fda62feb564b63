# SPDX-License-Identifier: GPL-2.0-only
"""What is measured: a call of a traced function in an architecture's newest kernel, with the fullest record it has."""

from __future__ import annotations

from emulator.core.ops import FtraceOps
from emulator.description import Ability, Arch
from emulator.lab import Lab
from emulator.recording import Recording
from emulator.runner import LIMIT


class Subject:
    """A laboratory with one ops, SAVE_REGS where that is possible, and all that others need to make the same call.

    `contents` are the bytes, by address, that a run starts from; `sites` are {address: where the trampoline lands} of
    those that it passes; `callee` is the C function that the trampoline calls.
    """

    def __init__(self, arch: Arch) -> None:
        lab = Lab(arch.name)
        self.arch, self.memory, self.limit = lab.arch, lab.image.memory, LIMIT
        self.function = lab.functions[0]
        self.lab = traced(lab, self.function)
        recording, size = self.call(), len(lab.variant.site.call.opcode)
        self.sites = {hit.ip: hit.ip + size for hit in recording.hits}
        self.callee = recording.callbacks[0].arrival.address
        self.record, self.size = lab.variant.plain.record, lab.struct.size
        self.start, self.exit = lab.runner.entry(self.function), lab.image.exit
        self.packed = lab.runner.prepare(lab.runner.state())
        self.registers = lab.layout.unpack(self.packed)
        self.scribble = lab.runner.scribble.junk
        self.contents = {region.base: bytes(region.data) for region in (lab.image.stack, *lab.image.variables)}

    def call(self) -> Recording:
        """The checked call."""
        return self.lab.call(self.function, trace=False)

    def trace(self) -> Recording:
        """The traced call."""
        recording = self.lab.call(self.function)
        recording.writers(recording.callbacks[0].arrival)
        return recording


def traced(lab: Lab, function: str) -> Lab:
    """The laboratory, where one ops traces a function, with SAVE_REGS where that is possible."""
    regs = Ability.DYNAMIC_FTRACE_WITH_REGS in lab.variant.abilities
    ops = FtraceOps("probe", _callback, flags={"SAVE_REGS"} if regs else ())
    lab.set_filter(ops, function)
    lab.register(ops)
    return lab


def _callback(ip: int, parent_ip: int, op: object, regs: object) -> None:
    """A callback that looks at nothing: what it was given is in the recording."""
