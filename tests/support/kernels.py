# SPDX-License-Identifier: GPL-2.0-only
"""Small kernel images: our own trampolines and functions at a kernel's addresses, as a linker would leave them.

What a laboratory of ours has in memory, and all its names, become an ELF file. So what a verdict on the file has to be
is known: the one on our own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from elf_files import ALLOC, EXEC, EXEC_FILE, FUNC, LOCAL, NOBITS, OBJECT, WRITE, ElfFile
from emulator.core import releases
from emulator.core.layout import ftrace_ops
from emulator.core.release import VARIABLES
from emulator.description import Arch, SelfRelocation, Struct, Variant, ops_literal
from emulator.placement import EXIT, GATE_SIZE, SITES, Placement, placement
from emulator.subject import Subject, load

BANNER = "linux_banner"
BTF_STRUCT, BTF_INT, BTF_ARRAY = 4, 1, 3


@dataclass
class SmallKernel:
    """A kernel that may still be changed: sections by name, symbols, and how the file is to look."""

    arch: Arch
    variant: Variant
    sections: dict[str, tuple[int, bytearray, int]] = field(default_factory=dict)
    """{name: (address, bytes, flags)}."""
    symbols: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """{name: (address, size, type)}."""
    kind: int = EXEC_FILE
    stripped: bool = False

    def written(self) -> bytes:
        """The ELF file."""
        elf = ElfFile(
            bits=8 * self.arch.word,
            machine=self.arch.engine.elf_machine,
            kind=self.kind,
            big_endian=self.arch.big_endian,
            stripped=self.stripped,
        )
        numbers = {}
        for name, (address, data, flags) in self.sections.items():
            numbers[name] = elf.section(name, bytes(data), flags=flags, address=address, align=4)
        elf.section(".bss", b"", type=NOBITS, flags=ALLOC | WRITE, address=self.end, size=0x100)
        elf.symbol("a_local_label", 0, binding=LOCAL, section=1)
        for name, (address, size, kind) in self.symbols.items():
            elf.symbol(name, address, size=size, type=kind, section=1)
        return elf.written()

    @property
    def end(self) -> int:
        """Behind all sections."""
        return max(address + len(data) for address, data, _ in self.sections.values()) + 0x1000

    def system_map(self) -> bytes:
        """What nm -n would say."""
        digits = 2 * self.arch.word
        text = {"T": EXEC, "D": WRITE, "R": ALLOC}
        lines = []
        for name, (address, _, _) in self.symbols.items():
            flags = next(
                (flags for start, data, flags in self.sections.values() if start <= address <= start + len(data)), WRITE
            )
            letter = next(letter for letter, flag in text.items() if flags & flag)
            lines.append((address, f"{address:0{digits}x} {letter} {name}\n"))
        return "".join(line for _, line in sorted(lines)).encode()

    def patch(self, address: int, data: bytes) -> None:
        """Change bytes of a section."""
        for start, there, _ in self.sections.values():
            if start <= address < start + len(there):
                there[address - start : address - start + len(data)] = data
                return
        raise AssertionError(f"no section at {address:#x}")

    def bytes_at(self, address: int, size: int) -> bytes:
        """Bytes of a section."""
        found = (there[address - start :][:size] for start, there, _ in self.sections.values() if start <= address)
        return bytes(next(data for data in found if data))

    def address(self, name: str) -> int:
        """Where a symbol is."""
        return self.symbols[name][0]


@cache
def ours(arch: Arch, variant: Variant) -> Subject:
    """Our own trampolines of a variant, assembled once."""
    return load(arch, [variant])[0]


def small_kernel(arch: Arch, variant: Variant, *, release: str | None = None, structs: bool = True) -> SmallKernel:
    """Our own trampolines of a variant as a kernel's image, with its banner, its table of sites and, maybe, BTF."""
    subject = ours(arch, variant)
    placed = placement(subject)
    kernel = SmallKernel(arch, variant)
    kernel.sections[".text"] = (placed.text, bytearray(_text(placed)), ALLOC | EXEC)
    kernel.sections[".data"] = (placed.data, bytearray(_data(placed)), ALLOC | WRITE)
    _enter_sites(kernel, placed)
    read_only = placed.data + 0x40000
    banner = f"Linux version {release or releases.release(variant.release).version}-small (nobody@nowhere) #1 SMP\n"
    kernel.sections[".rodata"] = (read_only, bytearray(banner.encode() + b"\0"), ALLOC)
    kernel.symbols[BANNER] = (read_only, len(banner) + 1, OBJECT)
    if structs:
        every = (arch.record(variant), ftrace_ops(releases.release(variant.release), arch.word, variant.abilities))
        kernel.sections[".BTF"] = (read_only + 0x1000, bytearray(btf(every, arch)), ALLOC)
    kernel.symbols |= dict(_symbols(subject, placed))
    return kernel


def _text(placed: Placement) -> bytes:
    """All code, and a return at every C function."""
    text = bytearray(placed.exit + 16 - placed.text)
    for chunk in (*placed.trampolines.chunks, *placed.kernel.chunks):
        if placed.text <= chunk.address < placed.exit:
            text[chunk.address - placed.text : chunk.end - placed.text] = chunk.data
    for gate in placed.gates:
        code = placed.arch.function_return
        text[gate - placed.text : gate - placed.text + len(code)] = code
    return bytes(text)


def _data(placed: Placement) -> bytes:
    data = bytearray(0x8000)
    for chunk in (*placed.trampolines.chunks, *placed.kernel.chunks):
        at = chunk.address - placed.data
        if 0 <= at < len(data):
            data[at : at + len(chunk.data)] = chunk.data
    return bytes(data)


def _enter_sites(kernel: SmallKernel, placed: Placement) -> None:
    """__mcount_loc, whose entries lead to where the compiler's NOPs or its call begin."""
    site, arch = kernel.variant.site, kernel.arch
    table = next(chunk for chunk in placed.kernel.chunks if chunk.section == SITES)
    for number, (ip, _) in enumerate(placed.sites):
        literal = ops_literal(site, ip, arch.word)
        entry = ip - site.loc if literal is None else literal
        kernel.patch(table.address + number * arch.word, entry.to_bytes(arch.word, arch.order))


def moved(kernel: SmallKernel, names: tuple[str, str], declared: SelfRelocation | None = None) -> SmallKernel:
    """The same, of a kernel that relocates itself: __mcount_loc is empty, and its words are in a table of RELA."""
    declared, arch = declared or kernel.arch.self_relocation, kernel.arch
    assert declared
    word, start, stop = arch.word, kernel.address("__start_mcount_loc"), kernel.address("__stop_mcount_loc")
    table, at = bytearray(), kernel.end
    for place in range(start, stop, word):
        entry = int.from_bytes(kernel.bytes_at(place, word), arch.order)
        for number in (place, declared.relative, entry):
            table += number.to_bytes(word, arch.order)
    kernel.patch(start, bytes(stop - start))
    kernel.sections[".rela.dyn"] = (at, table, ALLOC)
    kernel.symbols |= {name: (address, 0, 0) for name, address in zip(names, (at, at + len(table)), strict=True)}
    return kernel


def _symbols(subject: Subject, placed: Placement) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Every name that the laboratory has, functions with their sizes."""
    for name in placed.symbols:
        address = placed.symbols.address(name)
        function = placed.symbols.function(address)
        if name in VARIABLES:
            yield name, (address, 4 if VARIABLES[name] == "int" else subject.arch.word, OBJECT)
        elif address in placed.gates:
            yield name, (address, GATE_SIZE, FUNC)
        elif name != EXIT and function:
            whole = function.name == name
            yield name, (address, function.end - address if whole else 0, FUNC if whole else 0)
    table = next(chunk for chunk in placed.kernel.chunks if chunk.section == SITES)
    yield "__start_mcount_loc", (table.address, 0, 0)
    yield "__stop_mcount_loc", (table.end, 0, 0)


# -- BTF ---------------------------------------------------------------------------------------------------------------


def btf(structs: Iterable[Struct], arch: Arch) -> bytes:
    """A section .BTF with these structs, each member an array of bytes of its size."""
    order, names, types = ">" if arch.big_endian else "<", bytearray(b"\0"), bytearray()

    def text(name: str) -> int:
        names.extend(name.encode() + b"\0")
        return len(names) - len(name) - 1

    types += struct.pack(order + "4I", text("char"), BTF_INT << 24, 1, 8)
    made = list(structs)
    sizes = sorted({member.size for item in made for member in item.members})
    for size in sizes:
        types += struct.pack(order + "6I", 0, BTF_ARRAY << 24, 0, 1, 1, size)
    for item in made:
        types += struct.pack(order + "3I", text(item.name), BTF_STRUCT << 24 | len(item.members), item.size)
        for member in item.members:
            types += struct.pack(order + "3I", text(member.name), 2 + sizes.index(member.size), 8 * member.offset)
    head = struct.pack(order + "HBB5I", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(names))
    return head + bytes(types) + bytes(names)


# -- DWARF -------------------------------------------------------------------------------------------------------------

ABBREVIATIONS = bytes.fromhex(
    "01 11 01 0000"  # compile unit
    "02 13 01 03 08 0b 06 0000"  # struct: name, size
    "03 0d 00 03 08 49 13 38 06 0000"  # member: name, type, offset
    "04 01 01 49 13 0000"  # array: type
    "05 21 00 37 06 0000"  # its range: count
    "06 24 00 03 08 0b 0b 0000"  # base type: name, size
    "07 16 00 49 13 0000"  # typedef: type
    "08 13 01 01 13 0b 06 0000"  # unnamed struct: sibling, size
    "09 17 01 01 13 0b 06 0000"  # unnamed union: the same
    "00"
)
HEAD = 11
"""Bytes of a unit before its first entry (DWARF 4, 7.5.1.1)."""


def debug_sections(entries: bytes, arch: Arch, address: int) -> dict[str, bytes]:
    """{section: bytes} of DWARF 4 with one unit, which has 16 bytes of code at an address; entries in it."""
    order = ">" if arch.big_endian else "<"
    head = struct.pack(order + "IHIB", HEAD - 4 + len(entries), 4, 0, arch.word)
    word, size = ("Q", 16) if arch.word == 8 else ("I", 8)
    ranges = bytes(-12 % size) + struct.pack(f"{order}4{word}", address, 16, 0, 0)
    table = struct.pack(order + "IHIBB", 8 + len(ranges), 2, 0, arch.word, 0) + ranges
    return {".debug_aranges": table, ".debug_info": head + entries, ".debug_abbrev": ABBREVIATIONS}


def entries(structs: Iterable[Struct], arch: Arch) -> bytes:
    """A unit with these structs, each member an array of bytes of its size."""
    order, made = ">" if arch.big_endian else "<", list(structs)
    found, at = bytearray(b"\1\6char\0\1"), dict[int, int]()
    for size in {member.size for item in made for member in item.members}:
        at[size] = HEAD + len(found)
        found += struct.pack(order + "BIBIB", 4, HEAD + 1, 5, size, 0)
    for item in made:
        found += b"\2" + item.name.encode() + struct.pack(order + "BI", 0, item.size)
        for member in item.members:
            found += b"\3" + member.name.encode() + struct.pack(order + "BII", 0, at[member.size], member.offset)
        found += b"\0"
    return bytes(found) + b"\0"
