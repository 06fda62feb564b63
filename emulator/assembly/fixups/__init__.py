# SPDX-License-Identifier: GPL-2.0-only
"""Filling fields that depend on addresses. The assembler, the object loader and the core's patching all come here.

A kind is a relocation of ELF, called by its own name (R_X86_64_PC32). Every module of this package that has MACHINES
adds some; to add an architecture, add a module.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from pathlib import Path

from emulator.assembly.fixups.field import Field, Machine, signed
from emulator.description import Branch
from emulator.errors import InputError


class FixupError(InputError):
    """A value that a field cannot hold, or a kind that nobody knows."""


def apply(kind: str, buffer: bytearray, offset: int, *, symbol: int, addend: int, place: int) -> None:
    """Fill the field of `kind` at `offset` in `buffer`; `place` is the field's address, `symbol` the address meant.

    The other bits of the field's word stay. Raises FixupError for a kind that is not known and for a value that does
    not fit, and leaves the buffer as it was.
    """
    field = known(kind)
    value = wrapped(field, _down(field, symbol + addend) - (_down(field, place) if field.relative else 0))
    check(kind, field, value)
    word = take(kind, field, buffer, offset)
    try:
        filled = field.put(word, value) % (1 << 8 * field.size)
    except ValueError as error:
        raise FixupError(f"{kind}: {value:#x} {error}") from None
    buffer[offset : offset + field.size] = filled.to_bytes(field.size, field.order)


def _down(field: Field, address: int) -> int:
    return address - address % field.unit


def addend(kind: str, buffer: bytes | bytearray, offset: int) -> int:
    """The addend that stands in the field itself, as in the REL sections of ELF. Raises FixupError."""
    field = known(kind)
    return field.get(take(kind, field, buffer, offset))


@functools.lru_cache(maxsize=4096)
def encode_branch(branch: Branch, place: int, target: int) -> bytes:
    """The call or jump that stands at `place` and goes to `target`. Raises FixupError where it is out of reach."""
    code = bytearray(branch.opcode)
    apply(branch.fixup, code, branch.at, symbol=target, addend=branch.addend, place=place + branch.at)
    return bytes(code)


def known(kind: str) -> Field:
    """The field that `kind` fills. Raises FixupError."""
    for machine in machines().values():
        if kind in machine.fields:
            return machine.fields[kind]
    raise FixupError(f"{kind}: no such relocation is known here")


@functools.cache
def kinds(machine: int) -> dict[int, str]:
    """The names of the relocations of an ELF e_machine by their r_type; empty where none is known."""
    fields = machines()[machine].fields if machine in machines() else {}
    return {field.number: name for name, field in fields.items()}


@functools.cache
def machines() -> dict[int, Machine]:
    """Every Machine that a module of this package declares, by its number."""
    return {machine.number: machine for machine in declared()}


def declared() -> Iterator[Machine]:
    """What the modules beside this file declare."""
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        module = importlib.import_module(f"{__name__}.{path.stem}")
        yield from getattr(module, "MACHINES", ())


def wrapped(field: Field, value: int) -> int:
    """The value as an address's arithmetic sees it: unsigned where the field cannot hold a negative one."""
    if field.range and field.range[0] >= 0:
        return value % (1 << field.wrap)
    return signed(value, field.wrap)


def check(kind: str, field: Field, value: int) -> None:
    """Raises FixupError where the value is out of range or not aligned."""
    if field.range and not field.range[0] <= value <= field.range[1]:
        low, high = field.range
        raise FixupError(f"{kind}: {value:#x} is out of range, which is {low:#x} to {high:#x}")
    if value % field.align:
        raise FixupError(f"{kind}: {value:#x} is not a multiple of {field.align}")


def take(kind: str, field: Field, buffer: bytes | bytearray, offset: int) -> int:
    """The word that holds the field. Raises FixupError where it does not lie inside the buffer."""
    if offset < 0 or offset + field.size > len(buffer):
        raise FixupError(f"{kind}: the field at {offset:#x} does not lie within its {len(buffer)} bytes")
    return int.from_bytes(buffer[offset : offset + field.size], field.order)
