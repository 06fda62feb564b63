# SPDX-License-Identifier: GPL-2.0-only
"""Registers in prepared batches: the binding's own calls build ctypes objects each time and cost 40 times as much."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping, Sequence

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

from emulator.description import Arch, Register


class Layout:
    """How the registers of an architecture are packed: 8 bytes each, in the order of Arch.registers."""

    def __init__(self, arch: Arch) -> None:
        self.names = tuple(register.name for register in arch.registers)
        self._struct = struct.Struct(f"<{len(self.names)}Q")
        self.offset = {name: 8 * index for index, name in enumerate(self.names)}

    def pack(self, values: Mapping[str, int]) -> bytes:
        """Packed registers from {name: value}."""
        return self._struct.pack(*(values[name] for name in self.names))

    def unpack(self, packed: bytes) -> dict[str, int]:
        """{name: value} from packed registers."""
        return dict(zip(self.names, self._struct.unpack(packed), strict=True))

    def get(self, packed: bytes, name: str) -> int:
        """One register out of packed ones."""
        start = self.offset[name]
        return int.from_bytes(packed[start : start + 8], "little")


def constant(arch: Arch, register: Register) -> int:
    """Unicorn's number of a register."""
    name = f"UC_{arch.engine.unicorn[0]}_REG_{register.unicorn}"
    return int(getattr(getattr(unicorn, f"{arch.engine.unicorn[0].lower()}_const"), name))


class RegisterFile:
    """The registers of one engine, read and written all at once through arrays made beforehand.

    pc is read but never written: a run names its start, and writing pc inside a hook would redirect the run.
    """

    def __init__(self, arch: Arch, handle: ctypes.c_void_p) -> None:
        self._handle = handle
        self._count = len(arch.registers)
        self.size = 8 * self._count
        self._values = (ctypes.c_uint64 * self._count)()
        self._base = ctypes.addressof(self._values)
        ids = [constant(arch, register) for register in arch.registers]
        self._ids = (ctypes.c_int * self._count)(*ids)
        self._pointers = (ctypes.c_void_p * self._count)(*self._slots(range(self._count)))
        writable = [index for index, register in enumerate(arch.registers) if register.name != arch.abi.pc]
        self._write_count = len(writable)
        self._write_ids = (ctypes.c_int * self._write_count)(*(ids[index] for index in writable))
        self._write_pointers = (ctypes.c_void_p * self._write_count)(*self._slots(writable))

    def _slots(self, indexes: Sequence[int]) -> list[int]:
        return [self._base + 8 * index for index in indexes]

    def read(self) -> bytes:
        """All registers, packed."""
        uclib.uc_reg_read_batch(self._handle, self._ids, self._pointers, self._count)
        return ctypes.string_at(self._base, self.size)

    def write(self, packed: bytes) -> None:
        """Write all registers but pc."""
        ctypes.memmove(self._base, packed, self.size)
        uclib.uc_reg_write_batch(self._handle, self._write_ids, self._write_pointers, self._write_count)
