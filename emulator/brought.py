# SPDX-License-Identifier: GPL-2.0-only
"""A source of the user's own, with all that belongs to it: folders, symbols, and maybe the kernel tree it is out of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator import catalog
from emulator.assembly import lexer, type_ids, unread
from emulator.assembly.piece import Piece, Source
from emulator.description import Arch, Variant
from emulator.errors import AssemblyError, InputError, Place, UsageError
from emulator.kernel_tree.tree import COMPILER, Tree
from emulator.preprocess import Job, preprocess
from emulator.regular import is_folder
from emulator.source import read_source

_NAME = re.compile(r"[A-Za-z_.$][\w.$]*", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]{1,16}|0[bB][01]{1,64}|0[0-7]{0,22}|[1-9]\d{0,19})", re.ASCII)
LARGEST = (1 << 64) - 1


def define(text: str) -> tuple[str, int]:
    """The symbol and the number in NAME=N; numbers as in C. Raises UsageError."""
    name, equals, number = text.partition("=")
    if not _NAME.fullmatch(name):
        raise UsageError(f"--define {text!r}: {name[:40]!r} is no name of a symbol; it takes NAME=N")
    if not equals or not _NUMBER.fullmatch(number):
        raise UsageError(f"--define {text!r}: it takes NAME=N with a number N, such as 16 or 0x10")
    octal = re.fullmatch(r"([+-]?)0([0-7]+)", number)
    value = int(f"{octal[1]}0o{octal[2]}" if octal else number, 0)
    if not -(LARGEST >> 1) - 1 <= value <= LARGEST:
        raise UsageError(f"--define {text!r}: {number} needs more than 64 bits")
    return name, value


def definitions(texts: Iterable[str]) -> dict[str, int]:
    """The symbols that several --define options define. Raises UsageError, also where two disagree."""
    found: dict[str, int] = {}
    for name, value in map(define, texts):
        if found.setdefault(name, value) != value:
            raise UsageError(f"--define {name}: {found[name]} and {value} cannot both be meant")
    return found


@dataclass(frozen=True, kw_only=True)
class Brought:
    """One file, and what the options beside --source say. Raises InputError for an include folder that is none."""

    source: Path
    includes: tuple[Path, ...] = ()
    defines: Mapping[str, int] = field(default_factory=dict)
    tree: Tree | None = None

    def __post_init__(self) -> None:
        for folder in self.includes:
            if not is_folder(folder):
                raise InputError("is no folder to include from", Place(str(folder)))

    @property
    def words(self) -> tuple[str, ...]:
        """How a command line says all this."""
        includes = [word for folder in self.includes for word in ("--include", str(folder))]
        defines = [word for name, value in self.defines.items() for word in ("--define", f"{name}={value:#x}")]
        return ("--source", str(self.source), *includes, *defines, *(self.tree.words if self.tree else ()))

    def text_for(self, arch: Arch, variant: Variant, symbols: Mapping[str, int]) -> Source:
        """The text to assemble, where `symbols` are known too. Raises InputError and UsageError.

        A copy of one of our sources may include what the original includes, wherever the copy is.
        """
        ours = catalog.trampolines(arch)
        folders = tuple(map(str, (self.source.parent, *self.includes, ours)))
        if self.tree is not None:
            text = self.tree.preprocess(arch, variant, self.source, self.defines, self.includes)
            return Source(str(self.source), text, {}, folders)
        text = read_source(self.source)
        if lexer.needs_preprocessor(text):
            text = self._preprocessed(text, arch, (self.source.parent, *self.includes, ours))
        return Source(str(self.source), text, {**symbols, **self.defines}, folders)

    def _preprocessed(self, text: str, arch: Arch, roots: tuple[Path, ...]) -> str:
        """A source with #include or #ifdef that is out of no tree: what a compiler would make of it."""
        compiler = {name: value for name, value in COMPILER.items() if name != "__KERNEL__"}
        macros = {**compiler, **(arch.kbuild.macros if arch.kbuild else {})}
        own = {name: f"({value})" for name, value in self.defines.items() if re.fullmatch(r"\w+", name)}
        job = Job(
            name=str(self.source),
            text=text,
            macros=macros | own,
            folders=self.includes,
            roots=roots,
            hint="; name folders by --include, or the kernel tree that the source is out of by --tree",
        )
        return preprocess(job)

    def finish(self, piece: Piece, arch: Arch, variant: Variant) -> Piece:
        """What is left of the assembled piece for a kernel to be made of. Raises InputError for numbers not known."""
        needed = type_ids.numbered(unread.drop(piece, arch.kbuild.unread if arch.kbuild else ()))
        if self.tree is not None:
            self._expect_known(needed, arch, variant)
        return needed

    def explain(self, error: AssemblyError, arch: Arch, variants: Iterable[Variant]) -> AssemblyError:
        """The error, with a way out where a number is missing that a build would know."""
        unknown = {name for item in variants if self.tree for name in self.tree.unknown(arch, item, self.defines)}
        missing = [word for word in re.findall(r"\w+", error.text) if word in unknown]
        if not missing:
            return error
        hint = f"{missing[0]} is a number of asm-offsets.h that only a build knows"
        message = f"{hint}; give --build DIR or --define {missing[0]}=N"
        return AssemblyError(message, error.place or Place(str(self.source)), error.text, error.calls)

    def _expect_known(self, piece: Piece, arch: Arch, variant: Variant) -> None:
        """Raises InputError where a symbol is in truth a number that a build would know."""
        assert self.tree is not None  # noqa: S101 - the caller has looked
        unknown = self.tree.unknown(arch, variant, self.defines)
        for fixup in piece.fixups:
            if fixup.symbol in unknown and fixup.symbol not in piece.symbols:
                what = f"{fixup.symbol} is a number of asm-offsets.h that only a build knows"
                raise InputError(f"{what}; give --build DIR or --define {fixup.symbol}=N", fixup.place)
