# SPDX-License-Identifier: GPL-2.0-only
"""Which declared variant code of somebody else's is: told by the names it has, and by its instructions.

Nothing is tabulated here. What a variant needs stands in its declaration; what it usually has, and how its code looks,
is read from its own assembled trampolines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from emulator.assembly.decode import disassemble
from emulator.assembly.piece import Piece
from emulator.core.returns import RETURN_TO_HANDLER
from emulator.description import Ability, Arch, Entry, Site, Variant
from emulator.errors import InputError, Place
from emulator.recognised import Recognised
from emulator.subject import own_trampolines

SHOWN = 6
"""How many names a reason says."""
SHOWN_CODE = 3
"""How many instructions."""


def unknown(_: Site) -> None:
    """What a file says of sites that has none."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a file: the names in it, its release if it says one, the code of functions if there is any."""

    file: str
    defined: frozenset[str]
    undefined: frozenset[str] = frozenset()
    release: str | None = None
    """As uname -r says it: 6.1.0-13-amd64."""
    code: Mapping[str, bytes] = field(default_factory=dict)
    """The bytes of functions that sites call, addresses filled in or not."""
    padded: Callable[[Site], bool | None] = unknown
    """Whether functions with such sites begin with landing pads; None where nobody can tell."""


def evidence(arch: Arch, piece: Piece) -> Evidence:
    """What a loaded object says about itself."""
    entries = {entry.symbol for variant in arch.variants for entry in variant.entries}
    return Evidence(piece.name, frozenset(piece.symbols), frozenset(piece.undefined), code=code(piece, entries))


def code(piece: Piece, names: Iterable[str]) -> dict[str, bytes]:
    """{name: bytes} of those functions that the piece has, each up to its size, else to the next function's start."""
    return {name: found for name in names if (found := _body(piece, name))}


def recognise(arch: Arch, found: Evidence, assembler: str | None = None) -> Recognised:
    """The variant that fits best: by what it needs, the release, the names it has besides, its instructions.

    Where nothing tells two apart, the newest release's default wins, and a note says so. Raises InputError where what
    every variant needs is lacking, with the names that the nearest one lacks.
    """
    real = [variant for variant in arch.variants if not variant.synthetic]
    fitting = [variant for variant in real if not _lacks(variant, found)]
    if not fitting:
        raise _nothing_fits(arch, real, found)
    return _Choice(arch, fitting, found, assembler).made()


def needs(variant: Variant) -> tuple[str, ...]:
    """The labels without which the core cannot work with a variant's trampolines, in the order of its declaration."""
    names = [name for entry in variant.entries for name in _labels(entry)]
    if variant.graph:
        names += [name for call in variant.graph.calls for name in (call.label, call.caller)]
        names.append(RETURN_TO_HANDLER)
    return tuple(dict.fromkeys(names))


def _labels(entry: Entry) -> Iterator[str]:
    for name in (entry.symbol, entry.call, entry.op_load, entry.direct_jump, entry.end):
        if name:
            yield name


def _lacks(variant: Variant, found: Evidence) -> list[str]:
    return [name for name in needs(variant) if name not in found.defined]


def _nothing_fits(arch: Arch, variants: Sequence[Variant], found: Evidence) -> InputError:
    nearest = min(variants, key=lambda variant: (len(_lacks(variant, found)), -len(needs(variant))))
    lacking = ", ".join(_lacks(nearest, found)[:SHOWN])
    what = f"fits no variant of {arch.name}: it lacks {lacking}, which {nearest.name}, the nearest one, needs"
    return InputError(what, Place(found.file))


class _Choice:
    """Variants that would all do, and what tells them apart; each question is put to those that the last one left."""

    def __init__(self, arch: Arch, fitting: Sequence[Variant], found: Evidence, assembler: str | None) -> None:
        self._arch, self._left, self._found = arch, list(fitting), found
        self._assembler = assembler
        self._reasons: list[str] = []
        self._notes: list[str] = []

    def made(self) -> Recognised:
        """The answer."""
        self._by_release()
        self._by_needs()
        self._by_landing_pad()
        if len(self._left) > 1:
            self._by_names()
            self._by_code()
        chosen = self._newest()
        has = ", ".join(needs(chosen)[:SHOWN])
        return Recognised(chosen, (f"has {has}", *self._reasons), tuple(self._notes))

    @cached_property
    def _pieces(self) -> dict[Variant, Piece]:
        """Our own trampolines of those that are left when they are first asked for."""
        return dict(zip(self._left, own_trampolines(self._arch, self._left, self._assembler), strict=True))

    def _by_release(self) -> None:
        said = re.match(r"(\d+)\.(\d+)", self._found.release or "")
        if not said:
            return
        wanted = int(said[1]), int(said[2])
        releases = sorted({_release(variant) for variant in self._left})
        near = max((one for one in releases if one <= wanted), default=releases[0])
        self._left = [variant for variant in self._left if _release(variant) == near]
        if near == wanted:
            self._reasons.append(f"is of release {self._found.release}")
        else:
            self._notes.append(f"nothing of release {self._found.release} fits; {self._left[0].release} is near it")

    def _by_needs(self) -> None:
        """What has all that one variant needs is not another one that needs only a part of that."""
        needed = {variant: frozenset(needs(variant)) for variant in self._left}
        self._left = [one for one in self._left if not any(needed[one] < other for other in needed.values())]

    def _by_landing_pad(self) -> None:
        """Those whose kernel has the entries begin as they do here, in the code of a linked kernel or of an object.

        Where entries always begin so, a linked kernel's traced functions tell.
        """
        pad, codes = self._arch.landing_pad, self._found.code.values()
        if not pad or not codes:
            return
        if not self._arch.pads_entries:
            self._keep(any(code.startswith(pad) for code in codes), "in its entries")
        elif (padded := self._found.padded(self._left[0].site)) is not None:
            self._keep(padded, "in its functions")

    def _keep(self, padded: bool, where: str) -> None:  # noqa: FBT001 - a fact, no choice of behaviour
        fitting = [variant for variant in self._left if (Ability.KERNEL_IBT in variant.abilities) == padded]
        if fitting and len(fitting) < len(self._left):
            self._left = fitting
            self._reasons.append(f"has {'a' if padded else 'no'} landing pad {where}")

    def _by_names(self) -> None:
        """Those whose trampolines have most names in common with the file, and fewest that it lacks."""
        known = self._found.defined | self._found.undefined
        names = {variant: _names(self._pieces[variant]) for variant in self._left}
        scores = {variant: len(own & known) - len(own - known) for variant, own in names.items()}
        best = max(scores.values())
        beaten = [variant for variant in self._left if scores[variant] < best]
        self._left = [variant for variant in self._left if scores[variant] == best]
        if beaten:
            other = max(beaten, key=lambda variant: scores[variant])
            more = sorted((names[self._left[0]] - names[other]) & known)
            fewer = sorted(names[other] - names[self._left[0]] - known)
            said = [f"{verb} {', '.join(some[:SHOWN])}" for verb, some in (("has", more), ("lacks", fewer)) if some]
            self._reasons.append(f"{' and '.join(said)}, unlike {other.name}")

    def _by_code(self) -> None:
        """Those that have as often as the file what their entries do not all have as often."""
        if len(self._left) == 1 or not self._found.code:
            return
        theirs = self._instructions(self._found.code)
        own = {variant: self._own(variant) for variant in self._left}
        every = set[str]().union(*own.values())
        telling = [text for text in every if len({counts[text] for counts in own.values()}) > 1]
        apart = {variant: sum(abs(theirs[text] - own[variant][text]) for text in telling) for variant in self._left}
        self._left = [variant for variant in self._left if apart[variant] == min(apart.values())]
        others = [variant for variant in own if variant not in self._left]
        if others:
            first, second = own[self._left[0]], min(others, key=lambda variant: apart[variant])
            said = [text for text in telling if abs(theirs[text] - first[text]) < abs(theirs[text] - own[second][text])]
            self._reasons.append(f"has {_counted(theirs, said)} in its entries, unlike {second.name}")

    def _own(self, variant: Variant) -> Counter[str]:
        return self._instructions(code(self._pieces[variant], self._found.code))

    def _instructions(self, functions: Mapping[str, bytes]) -> Counter[str]:
        """How often each occurs, without what depends on addresses."""
        pc = self._arch.abi.pc
        return Counter(
            found.mnemonic if found.target is not None or pc in found.operands else str(found)
            for data in functions.values()
            for found in disassemble(self._arch.engine, data, 0)
        )

    def _newest(self) -> Variant:
        defaults = [variant for variant in self._left if variant.name == variant.release]
        chosen = max(defaults or self._left, key=_release)
        others = [variant.name for variant in self._left if variant is not chosen]
        if others:
            self._notes.append(f"{chosen.name} is taken; nothing tells it from {', '.join(others)}")
        return chosen


def _release(variant: Variant) -> tuple[int, int]:
    major, _, minor = variant.release.partition(".")
    return int(major), int(minor)


def _names(piece: Piece) -> frozenset[str]:
    """What others see of a piece: what it defines for them, and what it wants of them."""
    shown = {symbol.name for symbol in piece.symbols.values() if symbol.binding != "local"}
    return frozenset(shown | set(piece.undefined))


def _counted(counts: Counter[str], texts: Iterable[str]) -> str:
    """2 endbr64, no pushq %rbp: the shortest ones."""
    shown = sorted(texts, key=lambda text: (len(text), text))[:SHOWN_CODE]
    return ", ".join(f"{counts[text] or 'no'} {text}" for text in shown)


def _body(piece: Piece, name: str) -> bytes:
    """The bytes of a function in executable code; none where the piece has no such function."""
    symbol = piece.symbols.get(name)
    section = piece.sections.get(symbol.section or "") if symbol else None
    if symbol is None or section is None or not section.executable:
        return b""
    after = [one.value for one in piece.symbols.values() if one.section == section.name and one.function]
    end = min((value for value in after if value > symbol.value), default=len(section.data))
    return section.data[symbol.value : symbol.value + symbol.size if symbol.size else end]
