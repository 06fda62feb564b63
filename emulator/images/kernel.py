# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's image: what it is, and its trampolines as a Subject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from emulator.assembly.decode import disassemble
from emulator.assembly.piece import Piece
from emulator.description import Arch, Struct, Sum, Variant
from emulator.elf import Elf
from emulator.errors import InputError, Place
from emulator.images import boot, labels, layouts
from emulator.images.beside import beside
from emulator.images.boot import BootPatch
from emulator.images.contents import Contents
from emulator.images.free import memory
from emulator.images.identity import evidence, version
from emulator.images.layouts import Row
from emulator.images.names import Names
from emulator.images.piece import Found, piece
from emulator.images.relocated import relocated
from emulator.images.sites import Sites
from emulator.images.walk import Walk
from emulator.placement import STUB
from emulator.recognise import recognise
from emulator.recognised import Recognised
from emulator.spans import Span
from emulator.subject import Subject, own_kernels


class KernelImage:
    """A kernel of one architecture: its bytes by address, and its names; `words` are how a command line says so.

    `elf` is the file itself, where it may have DWARF.
    """

    def __init__(
        self, contents: Contents, names: Names, arch: Arch, words: tuple[str, ...], elf: Elf | None = None
    ) -> None:
        self.contents = relocated(contents, names, arch)
        self.names, self.arch, self.words, self._elf = names, arch, words, elf
        self._place = Place(contents.name)

    def recognise(self, release: str | None = None, assembler: str | None = None) -> Recognised:
        """Which variant it is, one of that release if one is named. Raises InputError where none fits."""
        return recognise(self.arch, evidence(self.contents, self.names, self.arch, release), assembler)

    def subject(self, variant: Variant, function: str | None = None, assembler: str | None = None) -> Subject:
        """Its trampolines as that variant's, beside the laboratory's own functions.

        Where the image has the function asked for, that one and a neighbour take their place. Raises InputError.
        """
        code = self.trampolines(variant)
        real = self._functions(variant, function) if function else None
        if real:
            slot = variant.site.bare_slot or variant.site.parent_slot
            variant = replace(variant, site=replace(variant.site, parent_slot=slot))
        (own,) = own_kernels(self.arch, [variant], assembler)
        kernel = beside(real, own) if real else own
        notes = tuple(self._notes(variant, code))
        return Subject(self.arch, variant, code, kernel, self.contents.name, self.words, notes=notes)

    def _notes(self, variant: Variant, code: Piece) -> Iterator[str]:
        """What it says it is, what boot would change, which layouts are not ours."""
        says = version(self.contents, self.names)
        yield f"it calls itself Linux {says}" if says else "it does not say its release"
        yield from boot.notes(self.boot_patches(variant, code), self.arch)
        yield from (str(row) for row in layouts.layouts(self.structs, self.arch, variant) if not row.same)

    def boot_patches(self, variant: Variant, code: Piece) -> list[BootPatch]:
        """What boot would change in code that trampolines() has returned. Raises InputError."""
        placed = (section for section in code.sections.values() if section.executable)
        spans = (Span(section.address or 0, (section.address or 0) + len(section.data)) for section in placed)
        return boot.patches(self.contents, self.names, variant, spans, self.arch.order)

    @cached_property
    def structs(self) -> Mapping[str, Struct]:
        """The layouts that its BTF has for us. Raises InputError."""
        return layouts.found(self.contents, self.arch)

    def layouts(self, variant: Variant) -> list[Row]:
        """Those, else those of its DWARF, compared with what is declared here. Raises InputError."""
        theirs = self.structs or (layouts.debugged(self._elf, self.names) if self._elf else {})
        return layouts.layouts(theirs, self.arch, variant)

    def _functions(self, variant: Variant, name: str) -> Piece | None:
        if name not in self.names.named([name]):
            return None
        slot = variant.site.parent_slot
        if isinstance(slot, Sum) and slot.base == self.arch.abi.frame_pointer:
            what = "build a frame before their site: only the laboratory's own can be run"
            raise InputError(f"{name}: functions of {variant.name} {what}", self._place)
        sites = Sites(self.contents, self.names, self.arch, variant.site)
        found = sites.find(name)
        return sites.piece([found, sites.neighbour(found)]) if found else None

    def _expect_calls(self, variant: Variant) -> None:
        """Raises InputError, with symbol, address and bytes, where something else stands at a label that is patched."""
        for entry in variant.entries:
            named = self.names.named([entry.call, STUB]) if entry.call else {}
            if entry.call not in named or STUB not in named:
                continue
            at, stub = named[entry.call].address, named[STUB].address
            there = self.contents.read(at, len(variant.site.call.opcode))
            found = next(iter(disassemble(self.arch.engine, there, at)), None)
            if entry.uncalled and there == entry.uncalled:
                continue
            if found is None or found.target != stub:
                what = f"expected a call of {STUB} ({stub:#x}), found {there.hex(' ') or 'nothing'}"
                raise InputError(f"{entry.call} ({at:#x}): {what}", self._place)

    def trampolines(self, variant: Variant) -> Piece:
        """The variant's trampolines. Raises InputError where the image lacks what such a kernel has."""
        roots, functions = labels.trampolines(variant), labels.functions(variant)
        named = self.names.named([*roots, *functions, *labels.variables()])
        for entry in variant.entries:
            if entry.symbol not in named:
                raise InputError(f"has no symbol {entry.symbol}, which {variant.name} needs", self._place)
        self._expect_calls(variant)
        known = {name: named[name].address for name in (*functions, *labels.variables()) if name in named}
        others = {known[name] for name in functions if name in known}
        starts = [named[name].address for name in roots if name in named]
        walk = Walk(self.contents, self.arch.engine, starts, others)
        found = Found(self.contents, self.names, self.arch.engine, walk, known, frozenset(labels.inner(variant)))
        near = named[variant.plain.symbol].address
        code = piece(found, memory(self.contents, self.arch, variant.site.call, near))
        around = code.around and replace(code.around, ops=layouts.usable_ops(self.structs, self.arch))
        return replace(code, around=around)
