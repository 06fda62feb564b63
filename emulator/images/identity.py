# SPDX-License-Identifier: GPL-2.0-only
"""Which declared variant an image's kernel is: its release by its banner, its configuration by its code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from emulator.description import Ability, Arch, Variant
from emulator.errors import InputError, Place, UnknownName
from emulator.images.contents import Contents
from emulator.images.names import Name, Names
from emulator.images.walk import Walk
from emulator.subject import select

BANNER = "linux_banner"
LONGEST_BANNER = 512
VERSION = re.compile(rb"Linux version (\d{1,3})\.(\d{1,5})(?:\.(\d{1,5}))?(\S{0,64})")
"""init/version.c: the version that the kernel calls itself, distributions' suffix and all."""


def version(contents: Contents, names: Names) -> tuple[int, int, str] | None:
    """Major and minor number and the whole of it, None where there is no banner."""
    named = names.named([BANNER]).get(BANNER)
    found = VERSION.match(contents.read(named.address, LONGEST_BANNER)) if named else None
    for extent in contents.extents if found is None else ():
        found = found or (None if extent.executable else VERSION.search(extent.data))
    return (int(found[1]), int(found[2]), found[0].decode(errors="replace").split()[-1]) if found else None


def identify(contents: Contents, names: Names, arch: Arch, release: str | None, variant: str | None) -> Variant:
    """The variant that a user names, or else the one that fits. Raises UnknownName, and InputError where none fits."""
    if variant is not None:
        return select(arch, release, variant)
    if release is None:
        release = _release(contents, arch, version(contents, names))
    elif release not in arch.releases:
        raise UnknownName(f"release of {arch.name}", release, arch.releases)
    return _fitting(contents, names, arch, release)


def note(contents: Contents, names: Names, variant: Variant) -> str:
    """What the image says of itself, and what it is taken for."""
    found = version(contents, names)
    says = f"calls itself Linux {found[2]}" if found else "does not say its release"
    return f"{says}; taken for {variant.name}: {', '.join(_evidence(variant))}"


def _release(contents: Contents, arch: Arch, found: tuple[int, int, str] | None) -> str:
    """The newest release here that is not newer than the image."""
    if found is None:
        raise InputError("has no banner that says its release: choose --release", Place(contents.name))
    older = [name for name in arch.releases if _number(name) <= found[:2]]
    if not older:
        raise InputError(
            f"is Linux {found[2]}, older than any release known here ({', '.join(arch.releases)}): choose --release",
            Place(contents.name),
        )
    return max(older, key=_number)


def _number(release: str) -> tuple[int, int]:
    major, minor = release.split(".")
    return int(major), int(minor)


def _fitting(contents: Contents, names: Names, arch: Arch, release: str) -> Variant:
    """The one variant of a release that the image's code fits."""
    possible = [variant for variant in arch.variants if variant.release == release and not variant.synthetic]
    wanted = {name for variant in possible for name in _needed(variant)}
    named = names.named(sorted({*wanted, *(entry.call or "" for item in possible for entry in item.entries)} - {""}))
    complete = [item for item in possible if _needed(item) <= named.keys()]
    most = max((len(item.entries) + (Ability.DYNAMIC_FTRACE in item.abilities) for item in complete), default=0)
    fuller = [item for item in complete if len(item.entries) + (Ability.DYNAMIC_FTRACE in item.abilities) == most]
    fitting = [item for item in fuller if _fits(contents, named, arch, item)]
    if not fitting:
        lacking = "none of " + ", ".join(sorted(wanted)) if not complete else "code that no variant has"
        raise InputError(f"fits no variant of {arch.name} {release}: it has {lacking}", Place(contents.name))
    return fitting[0]


def _needed(variant: Variant) -> set[str]:
    """The symbols that tell it from others."""
    return {variant.site.mcount, *(entry.symbol for entry in variant.entries)}


def _fits(contents: Contents, named: Mapping[str, Name], arch: Arch, variant: Variant) -> bool:
    """Whether the entry begins with a landing pad, and moves the frame pointer, as the configuration has it."""
    start = named[variant.plain.symbol].address
    pad = arch.landing_pad
    padded = bool(pad) and contents.read(start, len(pad)) == pad
    if padded != (Ability.KERNEL_IBT in variant.abilities):
        return False
    framed = variant.plain.frames in ("linked", "encoded")
    call = named.get(variant.plain.call or "")
    return call is None or _moves(contents, arch, start, call.address) == framed


def _moves(contents: Contents, arch: Arch, start: int, end: int) -> bool:
    """Whether code writes the frame pointer before its call."""
    before = (at for at in Walk(contents, arch.engine, [start], ()).instructions if start <= at.address < end)
    return any(arch.abi.frame_pointer in _written(at.detail) for at in before)


def _written(detail: object) -> set[str]:
    _, numbers = detail.regs_access()  # type: ignore[attr-defined]
    return {detail.reg_name(number) for number in numbers}  # type: ignore[attr-defined]


def _evidence(variant: Variant) -> Iterable[str]:
    """What was looked at, in words."""
    yield " and ".join(entry.symbol for entry in variant.entries)
    yield "a landing pad" if Ability.KERNEL_IBT in variant.abilities else "no landing pad"
    yield "frame pointers" if Ability.FRAME_POINTER in variant.abilities else "no frame pointers"
