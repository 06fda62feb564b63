# SPDX-License-Identifier: GPL-2.0-only
"""The same facts by unicorn's documented Python API alone: hook_add, reg_read, reg_write, mem_read, mem_write.

What somebody would write who has read the documentation: one engine kept, a Python hook per question, a dict per byte.
"""

from __future__ import annotations

from typing import Any

import unicorn

from emulator.bench.facts import ARGUMENTS, Checked, Passage, Registers, Store, Traced
from emulator.bench.subject import Subject
from emulator.machine.engine import load_segments
from emulator.machine.registers import constant


class Documented:
    """A checked call of the subject."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._ids = {register.name: constant(subject.arch, register) for register in subject.arch.registers}
        self._arguments = [self._ids[name] for name in subject.arch.abi.arguments[:ARGUMENTS]]
        self._start = {self._ids[name]: value for name, value in subject.registers.items()}
        self._scribble = {self._ids[name]: value for name, value in subject.scribble.items()}
        name, modes = subject.arch.engine.unicorn
        mode = sum(getattr(unicorn, f"UC_MODE_{part}") for part in modes)
        self.uc: Any = unicorn.Uc(getattr(unicorn, f"UC_ARCH_{name}"), mode)
        self.uc.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)
        load_segments(self.uc, subject.arch)
        for region in subject.memory.regions:
            self.uc.mem_map(region.base, region.size)
            self.uc.mem_write(region.base, bytes(region.data))
        self._add_hooks()

    def _add_hooks(self) -> None:
        places = [(site, self._at_site) for site in self.subject.sites]
        places += [(landing, self._at_landing) for landing in self.subject.sites.values()]
        for address, hook in (*places, (self.subject.callee, self._at_callee)):
            self.uc.hook_add(unicorn.UC_HOOK_CODE, hook, begin=address, end=address)

    def run(self) -> None:
        """One call, from the same memory and registers each time."""
        uc, subject = self.uc, self.subject
        self.at_sites: list[tuple[int, list[int]]] = []
        self.at_landings: dict[int, list[int]] = {}
        for address, data in subject.contents.items():
            uc.mem_write(address, data)
        for register, value in self._start.items():
            uc.reg_write(register, value)
        uc.emu_start(subject.start, subject.exit, count=subject.limit)
        self.exit = self._registers()

    def facts(self) -> Checked:
        """What the last call told."""
        passages = (
            Passage(ip, self._named(values), self._named(self.at_landings[self.subject.sites[ip]]))
            for ip, values in self.at_sites
        )
        return Checked(tuple(passages), tuple(self.arguments), self.record, self._named(self.exit))

    def _registers(self) -> list[int]:
        read = self.uc.reg_read
        return [read(register) for register in self._ids.values()]

    def _named(self, values: list[int]) -> Registers:
        return dict(zip(self._ids, values, strict=True))

    def _at_site(self, _uc: Any, address: int, _size: int, _data: Any) -> None:
        self.at_sites.append((address, self._registers()))

    def _at_landing(self, _uc: Any, address: int, _size: int, _data: Any) -> None:
        self.at_landings[address] = self._registers()

    def _at_callee(self, uc: Any, _address: int, _size: int, _data: Any) -> None:
        """The callback: look at the arguments and the record, and leave the registers as a compiler might."""
        self.arguments = [uc.reg_read(register) for register in self._arguments]
        if len(self.arguments) < ARGUMENTS:
            self.arguments.append(self._stack_argument())
        self.record = b""
        if self.subject.record is not None:
            self.record = bytes(uc.mem_read(self.arguments[self.subject.record], self.subject.size))
        for register, value in self._scribble.items():
            uc.reg_write(register, value)

    def _stack_argument(self) -> int:
        """The one that is in no register."""
        arch = self.subject.arch
        address = self.uc.reg_read(self._ids[arch.abi.sp]) + (arch.abi.stack_arguments or 0)
        return int.from_bytes(self.uc.mem_read(address, arch.word), arch.order)


class DocumentedTrace(Documented):
    """A traced call of the subject."""

    def _add_hooks(self) -> None:
        self.uc.hook_add(unicorn.UC_HOOK_CODE, self._at_instruction)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._at_write)
        super()._add_hooks()

    def run(self) -> None:
        self.instructions: list[int] = []
        self.stores: list[tuple[int, int, int, int]] = []
        self.writers: dict[int, int] = {}
        self.frame: dict[int, int] = {}
        super().run()

    def facts(self) -> Traced:
        known = super().facts()
        stores = (Store(pc, address, size, value & (1 << 8 * size) - 1) for pc, address, size, value in self.stores)
        return Traced(
            known.passages,
            known.arguments,
            known.record,
            known.exit,
            instructions=(*self.instructions, self.subject.exit),
            stores=tuple(stores),
            writers=self.frame,
        )

    def _at_instruction(self, _uc: Any, address: int, _size: int, _data: Any) -> None:
        self.instructions.append(address)

    def _at_write(self, _uc: Any, _kind: int, address: int, size: int, value: int, _data: Any) -> None:
        pc = self.instructions[-1]
        self.stores.append((pc, address, size, value))
        for byte in range(address, address + size):
            self.writers[byte] = pc

    def _at_site(self, uc: Any, address: int, size: int, data: Any) -> None:
        super()._at_site(uc, address, size, data)
        self.writers.clear()

    def _at_callee(self, uc: Any, address: int, size: int, data: Any) -> None:
        super()._at_callee(uc, address, size, data)
        self.frame = dict(self.writers)
