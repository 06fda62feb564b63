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
    from emulator.images.kernel import KernelImage
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
    """The file with the user's own code, if that is what is meant: a source, an object, a kernel's image."""
    file: Path | None = options.source or options.object or options.vmlinux
    return file


def image(options: argparse.Namespace, arch: Arch | None = None) -> KernelImage | None:
    """The kernel's image that is meant, if any. Raises InputError; UsageError where it is not of the architecture."""
    if not options.vmlinux:
        if options.system_map:
            raise UsageError(f"--system-map {options.system_map}: it says where the symbols of a --vmlinux are")
        return None
    from emulator.images.opening import opened  # noqa: PLC0415 - see start_assembler()

    kernel = opened(options.vmlinux, options.system_map)
    if arch and arch is not kernel.arch:
        raise UsageError(f"{options.vmlinux} is a kernel of {kernel.arch.name}, not of {arch.name}")
    return kernel


def arch(options: argparse.Namespace) -> Arch:
    """The one that is named, else the image's, else this machine's. Raises UnknownName, InputError, UsageError."""
    named = catalog.find(options.arch) if options.arch else None
    found = image(options, named) if "vmlinux" in options else None  # diff takes its files as operands
    return found.arch if found else named or catalog.host()


def archs(options: argparse.Namespace) -> list[Arch]:
    """Those that are named, else this machine's. Raises UnknownName; UsageError where a user's file is for one."""
    found = [catalog.find(name) for name in dict.fromkeys(options.arch)]
    file = brought(options)
    if file and len(found) > 1:
        raise UsageError(f"{file}: it is for one architecture, not for {len(found)}")
    kernel = image(options, found[0] if found else None)
    return [kernel.arch] if kernel else found or [catalog.host()]


def variant(options: argparse.Namespace, arch: Arch) -> Variant:
    """The one that is named, or that a file is, else the release's own. Raises UnknownName, InputError."""
    from emulator.subject import select  # noqa: PLC0415 - see start_assembler()

    if not options.variant and (options.object or options.vmlinux):
        return _recognised(options, arch)
    return select(arch, options.release, options.variant)


def _recognised(options: argparse.Namespace, arch: Arch) -> Variant:
    from emulator.recognise import recognise_object  # noqa: PLC0415 - see start_assembler()
    from emulator.subject import select  # noqa: PLC0415

    if options.release:
        select(arch, options.release)
    kernel = image(options, arch)
    if kernel:
        found = kernel.recognise(options.release, options.assembler)
    else:
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

    kernel = image(options, arch)
    if kernel:
        function = getattr(options, "function", None)
        loaded = [kernel.subject(variant, function, options.assembler) for variant in variants]
    else:
        files = {"source": options.source, "object_file": options.object}
        loaded = subject.load(arch, variants, **files, assembler=options.assembler)
    return [replace(one, notes=(*options.told, *one.notes)) for one in loaded] if options.told else loaded


def subjects(options: argparse.Namespace) -> list[Subject]:
    """Every variant meant of every architecture meant. Raises UnknownName, UsageError, InputError."""
    chosen = [(arch, variants(options, arch)) for arch in archs(options)]
    return [subject for arch, items in chosen for subject in load(options, arch, items)]
