# SPDX-License-Identifier: GPL-2.0-only
"""What an image says about itself: its release, by its banner; its names and the code of its entries."""

from __future__ import annotations

import re
from functools import partial

from emulator.description import Arch, Site
from emulator.images import labels
from emulator.images.contents import Contents
from emulator.images.names import Name, Names
from emulator.images.sites import START, STOP, Sites
from emulator.recognise import Evidence

BANNER = "linux_banner"
LONGEST_BANNER = 512
VERSION = re.compile(rb"Linux version (\d{1,3}\.\d{1,5}[\w.+~-]{0,64})")
"""init/version.c: the version that the kernel calls itself, distributions' suffix and all."""
LONGEST_ENTRY = 2048
"""Bytes of a trampoline that are looked at, at most."""


def version(contents: Contents, names: Names) -> str | None:
    """What uname -r says; None where there is no banner."""
    named = names.named([BANNER]).get(BANNER)
    found = VERSION.match(contents.read(named.address, LONGEST_BANNER)) if named else None
    for extent in contents.extents if found is None else ():
        found = found or (None if extent.executable else VERSION.search(extent.data))
    return found[1].decode("ascii", "replace") if found else None


def evidence(contents: Contents, names: Names, arch: Arch, release: str | None) -> Evidence:
    """By which the variant is told; of `release` if one is named, else of what the image says."""
    known = names.named(sorted(labels.code(arch)))  # a kernel has variables and functions whoever uses them
    entries = {entry.symbol for variant in arch.variants for entry in variant.entries}
    code = {name: _code(contents, known[name], known, arch) for name in sorted(entries & known.keys())}
    says, file = release or version(contents, names), contents.name
    return Evidence(file, frozenset(known), release=says, code=code, padded=partial(_padded, contents, names, arch))


def _padded(contents: Contents, names: Names, arch: Arch, site: Site) -> bool | None:
    """Whether its traced functions begin with landing pads; None where it does not say where they are."""
    wanted = (START, STOP, *((site.mcount,) if site.mcount else ()))
    return Sites(contents, names, arch, site).padded() if len(names.named(wanted)) == len(wanted) else None


def _code(contents: Contents, entry: Name, known: dict[str, Name], arch: Arch) -> bytes:
    """An entry's bytes, up to its end or to where the next thing begins that has a name."""
    within = {name for variant in arch.variants for name in labels.inner(variant)}
    after = [name.address for key, name in known.items() if key not in within and name.address > entry.address]
    end = min([*after, entry.address + LONGEST_ENTRY])
    return contents.read(entry.address, entry.size or end - entry.address)
