# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel would change in an object's code when it boots, or as it is linked, and what nobody does here."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.description import Arch
from emulator.objects.relocatable import Relocatable
from emulator.objects.targets import Targets

SHOWN = 4
"""Places that a note names."""


def unpatched(found: Relocatable, kept: set[int], targets: Targets, arch: Arch) -> Iterator[str]:
    """A sentence for each of Arch.boot_patches that the object has for code which is kept. Raises InputError."""
    for number, header in found.headers.items():
        what = arch.boot_patches.get(header.name)
        places = list(dict.fromkeys(_places(found, number, kept, targets))) if what else []
        if places:
            more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
            yield f"{what} stand as they are linked: at {', '.join(places[:SHOWN])}{more}"


def _places(found: Relocatable, number: int, kept: set[int], targets: Targets) -> Iterator[str]:
    """Where in the code that is kept a table points to."""
    for fixup, home in found.fixups(number):
        if home in kept:
            section = found.names[home]
            symbol = found.symbols.get(fixup.symbol)
            yield targets.name(section, (symbol.value if symbol else 0) + fixup.addend)
