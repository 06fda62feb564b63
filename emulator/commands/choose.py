# SPDX-License-Identifier: GPL-2.0-only
"""Which subjects a command works on: what its options name, and whose code it is."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from emulator import catalog
from emulator.assembly import encoder
from emulator.description import Arch, Variant
from emulator.errors import UsageError

if TYPE_CHECKING:
    from emulator.brought import Brought
    from emulator.choice import Choice, Loader
    from emulator.images.layouts import Row
    from emulator.subject import Subject

MOST_JOBS = 256


def start_assembler(options: argparse.Namespace) -> None:
    """Start the assembler's child: it loads keystone while this process loads the engines."""
    if options.assembler != "gnu" and encoder.available() is None:
        encoder.shared().start()


def jobs(options: argparse.Namespace) -> int:
    """How many processes. Raises UsageError."""
    if not 1 <= options.jobs <= MOST_JOBS:
        raise UsageError(f"--jobs {options.jobs}: it takes 1 to {MOST_JOBS}")
    return int(options.jobs)


class Chosen:
    """What the options of one command name. Raises UsageError for options that do not go together, InputError."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._choice = _choice(options)

    @property
    def brought(self) -> Path | None:
        """The file with the user's own code, if that is what is meant: a source, an object, a kernel's image."""
        return _file(self._options)

    @property
    def arch(self) -> Arch:
        """The one that is named, else the file's, else this machine's. Raises UnknownName, InputError."""
        name = self._options.arch
        return catalog.find(name) if name else self._likely

    @property
    def archs(self) -> list[Arch]:
        """Those that are named, or as above. Raises UnknownName; UsageError where a user's file is for one."""
        found = [catalog.find(name) for name in dict.fromkeys(self._options.arch)] or [self._likely]
        if self.brought and len(found) > 1:
            raise UsageError(f"{self.brought}: it is for one architecture, not for {len(found)}")
        return found

    @property
    def _likely(self) -> Arch:
        loader = self._choice.loader
        return (loader.arch if loader else None) or catalog.host()

    def variant(self, arch: Arch) -> Variant:
        """The one that is named, or that a file is, else the release's own. Raises UnknownName, InputError."""
        return self._choice.variant(arch, self._options.variant)

    def variants(self, arch: Arch) -> list[Variant]:
        """Those named; else the one that a user's file is; else all of the release, or of all.

        Raises UnknownName, InputError.
        """
        names, release = self._options.variant, self._options.release
        if names or self._choice.loader:
            return [self._choice.variant(arch, name) for name in dict.fromkeys(names or (None,))]
        if release:
            self._choice.variant(arch)
        return [item for item in arch.variants if release in (None, item.release)]

    def layouts(self, arch: Arch, variant: Variant) -> list[Row]:
        """The file's layouts beside ours, or ours alone. Raises InputError."""
        from emulator.images.layouts import alone  # noqa: PLC0415 - see start_assembler()

        loader = self._choice.loader
        return (loader.layouts(variant) if loader else []) or alone(arch, variant)

    def load(self, arch: Arch, variants: Iterable[Variant]) -> list[Subject]:
        """These variants with their own code, or with the user's. Raises InputError."""
        return self._choice.load(arch, variants)

    def subjects(self) -> list[Subject]:
        """Every variant meant of every architecture meant. Raises UnknownName, UsageError, InputError."""
        chosen = [(arch, self.variants(arch)) for arch in self.archs]
        return [subject for arch, items in chosen for subject in self.load(arch, items)]


def operand(options: argparse.Namespace, file: Path) -> Choice:
    """What is wanted of a file that is named by itself; no loader: it is no code. Raises UsageError, InputError."""
    from emulator.choice import Choice  # noqa: PLC0415 - see start_assembler()
    from emulator.loaders import loader_of  # noqa: PLC0415

    loader = loader_of(file, options.system_map, bring(options, file))
    return Choice(loader, options.release, options.assembler)


def bring(options: argparse.Namespace, file: Path) -> Brought:
    """A user's source with all that the options say belongs to it. Raises UsageError, InputError."""
    from emulator.brought import Brought, definitions  # noqa: PLC0415 - see start_assembler()
    from emulator.kernel_tree.tree import Tree  # noqa: PLC0415

    for option in ("build", "config"):
        if not options.tree and getattr(options, option):
            raise UsageError(f"--{option} {getattr(options, option)}: it belongs to a kernel tree; name that by --tree")
    tree = Tree(options.tree, options.build, options.config) if options.tree else None
    return Brought(source=file, includes=tuple(options.include), defines=definitions(options.define), tree=tree)


def _file(options: argparse.Namespace) -> Path | None:
    file: Path | None = options.source or options.object or options.vmlinux
    return file


def _choice(options: argparse.Namespace) -> Choice:
    from emulator.choice import Choice  # noqa: PLC0415 - see start_assembler()

    _expect_together(options)
    return Choice(_loader(options) if _file(options) else None, options.release, options.assembler)


def _loader(options: argparse.Namespace) -> Loader:
    from emulator.loaders import image_loader, object_loader, source_loader  # noqa: PLC0415 - see start_assembler()

    if options.source:
        return source_loader(bring(options, options.source))
    if options.object:
        return object_loader(options.object)
    return image_loader(options.vmlinux, options.system_map, getattr(options, "function", None))


def _expect_together(options: argparse.Namespace) -> None:
    """Raises UsageError for what belongs to a file that is not there."""
    for option in ("include", "define", "tree", "build", "config"):
        if getattr(options, option) and not options.source:
            raise UsageError(f"--{option}: it belongs to a source of yours; name that by --source")
    if options.system_map and not options.vmlinux:
        raise UsageError(f"--system-map {options.system_map}: it says where the symbols of a --vmlinux are")
