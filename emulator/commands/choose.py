# SPDX-License-Identifier: GPL-2.0-only
"""Which subjects a command works on: what its options name, and whose code it is."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from emulator import catalog
from emulator.assembly import encoder
from emulator.description import Arch, Variant
from emulator.errors import UsageError

if TYPE_CHECKING:
    from emulator.brought import Brought
    from emulator.kernel_tree.tree import Tree
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


def brought(options: argparse.Namespace) -> Path | None:
    """The file with the user's own code, if that is what is meant."""
    source: Path | None = options.source
    return source


def bring(options: argparse.Namespace, file: Path) -> Brought:
    """A user's file with all that the options say belongs to it. Raises UsageError, InputError."""
    from emulator.brought import Brought, definitions  # noqa: PLC0415 - see start_assembler()

    folders, symbols = tuple(options.include), definitions(options.define)
    return Brought(source=file, includes=folders, defines=symbols, tree=tree(options))


def tree(options: argparse.Namespace) -> Tree | None:
    """The kernel tree that a source is out of. Raises UsageError, InputError."""
    from emulator.kernel_tree.tree import Tree  # noqa: PLC0415 - see start_assembler()

    if options.tree is not None:
        return Tree(options.tree, options.build, options.config)
    for option in ("build", "config"):
        if getattr(options, option) is not None:
            raise UsageError(f"--{option} {getattr(options, option)}: it belongs to a kernel tree; name that by --tree")
    return None


def _expect_source(options: argparse.Namespace) -> None:
    """Raises UsageError for what belongs to a source, where there is none."""
    if brought(options):
        return
    for option in ("include", "define", "tree", "build", "config"):
        if getattr(options, option):
            raise UsageError(f"--{option}: it belongs to a source of yours; name that by --source")


def _likely(options: argparse.Namespace) -> Arch:
    """The architecture that a source of a kernel's tree is of, else this machine's."""
    file = getattr(options, "source", None)
    if file is not None and options.tree is not None:
        folders = file.absolute().parts
        for found in map(catalog.load, catalog.names()):
            if ("arch", found.kernel) in pairwise(folders):
                return found
    return catalog.host()


def arch(options: argparse.Namespace) -> Arch:
    """The one that is named, else a kernel source's own, else this machine's. Raises UnknownName."""
    return catalog.find(options.arch) if options.arch else _likely(options)


def archs(options: argparse.Namespace) -> list[Arch]:
    """Those that are named, else this machine's. Raises UnknownName; UsageError where a user's file is for one."""
    found = [catalog.find(name) for name in dict.fromkeys(options.arch)] or [_likely(options)]
    file = brought(options)
    if file and len(found) > 1:
        raise UsageError(f"{file}: it is for one architecture, not for {len(found)}")
    return found


def variant(options: argparse.Namespace, arch: Arch) -> Variant:
    """The one that is named, else as the kernel tree is configured, else the release's own.

    Raises UnknownName, UsageError, InputError.
    """
    from emulator.subject import select  # noqa: PLC0415 - see start_assembler()

    if options.variant:
        return select(arch, options.release, options.variant)
    return _usual(options, arch)


def _usual(options: argparse.Namespace, arch: Arch) -> Variant:
    """The variant where none is named."""
    from emulator.subject import select  # noqa: PLC0415 - see start_assembler()

    if options.release:
        select(arch, options.release)
    kernel = tree(options)
    return kernel.variant(arch, options.release) if kernel else select(arch, options.release)


def variants(options: argparse.Namespace, arch: Arch) -> list[Variant]:
    """Those named; else the one that a user's file is for; else all of the release, or of all. Raises UnknownName."""
    from emulator.subject import select  # noqa: PLC0415 - see start_assembler()

    if options.variant:
        return [select(arch, options.release, name) for name in dict.fromkeys(options.variant)]
    if brought(options):
        return [_usual(options, arch)]
    if options.release:
        select(arch, options.release)
    return [item for item in arch.variants if options.release in (None, item.release)]


def load(options: argparse.Namespace, arch: Arch, variants: Iterable[Variant]) -> list[Subject]:
    """These variants with their own code, or with the user's. Raises InputError."""
    from emulator import subject  # noqa: PLC0415 - see start_assembler()

    _expect_source(options)
    file = brought(options)
    own = bring(options, file) if file else None
    return subject.load(arch, variants, brought=own, assembler=options.assembler)


def subjects(options: argparse.Namespace) -> list[Subject]:
    """Every variant meant of every architecture meant. Raises UnknownName, UsageError, InputError."""
    chosen = [(arch, variants(options, arch)) for arch in archs(options)]
    return [subject for arch, items in chosen for subject in load(options, arch, items)]
