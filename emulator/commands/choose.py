# SPDX-License-Identifier: GPL-2.0-only
"""Which subjects a command works on: what its options name, and whose code it is."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emulator import catalog
from emulator.assembly import encoder
from emulator.description import Arch, Variant
from emulator.errors import UsageError

if TYPE_CHECKING:
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
    """The file with the user's own code, if that is what is meant: a source or an object."""
    file: Path | None = options.source or options.object
    return file


def arch(options: argparse.Namespace) -> Arch:
    """The one that is named, else this machine's. Raises UnknownName."""
    return catalog.find(options.arch) if options.arch else catalog.host()


def archs(options: argparse.Namespace) -> list[Arch]:
    """Those that are named, else this machine's. Raises UnknownName; UsageError where a user's file is for one."""
    found = [catalog.find(name) for name in dict.fromkeys(options.arch)] or [catalog.host()]
    file = brought(options)
    if file and len(found) > 1:
        raise UsageError(f"{file}: it is for one architecture, not for {len(found)}")
    return found


def variant(options: argparse.Namespace, arch: Arch) -> Variant:
    """The one that is named, or that an object is, else the release's own. Raises UnknownName, InputError."""
    from emulator.subject import select  # noqa: PLC0415 - see start_assembler()

    if options.object and not options.variant:
        return _recognised(options, arch)
    return select(arch, options.release, options.variant)


def _recognised(options: argparse.Namespace, arch: Arch) -> Variant:
    from emulator.recognise import recognise_object  # noqa: PLC0415 - see start_assembler()
    from emulator.subject import select  # noqa: PLC0415

    if options.release:
        select(arch, options.release)
    found = recognise_object(arch, options.object, options.release, options.assembler)
    options.told = found.text
    return found.variant


def variants(options: argparse.Namespace, arch: Arch) -> list[Variant]:
    """Those named; else the one that a user's file is for; else all of the release, or of all.

    Raises UnknownName, InputError.
    """
    from emulator.subject import select  # noqa: PLC0415 - see start_assembler()

    if options.variant:
        return [select(arch, options.release, name) for name in dict.fromkeys(options.variant)]
    if brought(options):
        return [_recognised(options, arch) if options.object else select(arch, options.release)]
    if options.release:
        select(arch, options.release)
    return [item for item in arch.variants if options.release in (None, item.release)]


def load(options: argparse.Namespace, arch: Arch, variants: Iterable[Variant]) -> list[Subject]:
    """These variants with their own code, or with the user's. Raises InputError."""
    from emulator import subject  # noqa: PLC0415 - see start_assembler()

    loaded = subject.load(
        arch, variants, source=options.source, object_file=options.object, assembler=options.assembler
    )
    return [replace(one, notes=(*options.told, *one.notes)) for one in loaded] if options.told else loaded


def subjects(options: argparse.Namespace) -> list[Subject]:
    """Every variant meant of every architecture meant. Raises UnknownName, UsageError, InputError."""
    chosen = [(arch, variants(options, arch)) for arch in archs(options)]
    return [subject for arch, items in chosen for subject in load(options, arch, items)]
