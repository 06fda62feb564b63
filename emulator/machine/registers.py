# SPDX-License-Identifier: GPL-2.0-only
"""Registers in prepared batches: the binding's own calls build ctypes objects each time and cost 40 times as much."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

from emulator.description import Arch, Register

_WORD = struct.Struct("<Q")
# The binding's own prototypes check and convert typed pointers at every call, which takes longer than the call.
_BATCH = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_read_batch = _BATCH(("uc_reg_read_batch", uclib))
_write_batch = _BATCH(("uc_reg_write_batch", uclib))


class Layout:
    """How the registers of an architecture are packed: 8 bytes each, in the order of Arch.registers."""

    def __init__(self, arch: Arch) -> None:
        self.names = tuple(register.name for register in arch.registers)
        self._struct = struct.Struct(f"<{len(self.names)}Q")
        self._offset = {name: 8 * index for index, name in enumerate(self.names)}

    def pack(self, values: Mapping[str, int]) -> bytes:
        """Packed registers from {name: value}."""
        return self._struct.pack(*(values[name] for name in self.names))

    def unpack(self, packed: bytes) -> dict[str, int]:
        """{name: value} from packed registers."""
        return dict(zip(self.names, self._struct.unpack(packed), strict=True))

    def chooser(self, names: Sequence[str]) -> Callable[[bytes], tuple[int, ...]]:
        """A function that takes these registers, two or more, out of packed ones."""
        pick, unpack = itemgetter(*(self.names.index(name) for name in names)), self._struct.unpack
        return lambda packed: pick(unpack(packed))

    def get(self, packed: bytes, name: str) -> int:
        """One register out of packed ones."""
        (value,) = _WORD.unpack_from(packed, self._offset[name])
        return int(value)


def constant(arch: Arch, register: Register) -> int:
    """Unicorn's number of a register."""
    return number(arch, register.unicorn)


def number(arch: Arch, tail: str) -> int:
    """Unicorn's number of a register, from the tail of the constant's name."""
    name = f"UC_{arch.engine.unicorn[0]}_REG_{tail}"
    return int(getattr(getattr(unicorn, f"{arch.engine.unicorn[0].lower()}_const"), name))


class RegisterFile:
    """The registers of one engine, read and written all at once through arrays made beforehand.

    pc is read but never written: a run names its start, and writing pc inside a hook would redirect the run.
    """

    def __init__(self, arch: Arch, handle: ctypes.c_void_p) -> None:
        values = (ctypes.c_uint64 * len(arch.registers))()
        base = ctypes.addressof(values)
        self._packed = memoryview(values).cast("B")
        slots = [(constant(arch, register), base + 8 * index) for index, register in enumerate(arch.registers)]
        written = [slot for slot, register in zip(slots, arch.registers, strict=True) if register.name != arch.abi.pc]
        self._fetch = partial(_read_batch, handle, *_batch(slots))
        self._store = partial(_write_batch, handle, *_batch(written))

    def read(self) -> bytes:
        """All registers, packed."""
        self._fetch()
        return self._packed.tobytes()

    def write(self, packed: bytes) -> None:
        """Write all registers but pc."""
        self._packed[:] = packed
        self._store()


def _batch(slots: Sequence[tuple[int, int]]) -> tuple[ctypes.Array[ctypes.c_int], ctypes.Array[ctypes.c_void_p], int]:
    """Unicorn's numbers of registers, the addresses that their values are moved to or from, and how many there are."""
    ids, addresses = zip(*slots, strict=True)
    return (ctypes.c_int * len(slots))(*ids), (ctypes.c_void_p * len(slots))(*addresses), len(slots)
