# SPDX-License-Identifier: GPL-2.0-only
"""The state in which control goes on: registers, flags and stack, as far as they are not as at the site."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.behaviour.names import Names
from emulator.checks.passage import Passage
from emulator.core.returns import RETURN_TO_HANDLER as HANDLER
from emulator.machine import engine
from emulator.origins import NEAR
from emulator.recording import Arrival
from emulator.replay import Replay, varied

LOST, IGNORED = "lost", "not what a callback wrote"


def sent_to(passage: Passage) -> Arrival | None:
    """The call of the C function that control was sent to; None where it goes back to the function, or got lost."""
    if passage.destination == passage.after:
        return None
    every = passage.recording.arrivals
    return next((at for at in every if at.address == passage.destination and at.event > passage.hit.event), None)


class State:
    """Registers and flags where control goes on, compared with those at the site.

    One run could have the right ones by chance, or because a C function left them so: the way is gone again with other
    values, once with all arithmetic flags set and once with all clear.
    """

    def __init__(self, passage: Passage) -> None:
        self._passage, self._abi, self._flags = passage, passage.abi, passage.abi.flags
        self._site, self._landed = passage.site, passage.landed or {}
        self._written = _written(passage)
        arithmetic = passage.abi.arithmetic_flags
        again = [_again(passage, 1, 0), _again(passage, 2, arithmetic)] if self._landed else []
        self._samples = [(self._site, self._landed), *((was, now) for was, now in again if now)]
        self._astray = len(self._samples) <= len(again)

    def told(self) -> dict[str, str]:
        """{register: what it holds} of those that are neither as at the site nor as a callback wrote them."""
        if not self._landed:
            return {}
        names = [name for name in self._landed if name not in (self._abi.pc, self._flags)]
        told = {name: self._register(name) for name in names} | self._told_flags()
        told["with other values"] = LOST if self._astray else ""
        return {name: what for name, what in told.items() if what}

    def _register(self, name: str) -> str:
        """What a register holds; empty: what it held at the site, or what a callback wrote."""
        value, sp = self._landed[name], self._abi.sp
        if name in self._written:
            return "" if value == self._written[name] else IGNORED
        if name == sp:
            return self._distance([value - self._site[sp] - self._passage.variant.site.pops])
        if all(was[name] == now.get(name) for was, now in self._samples):
            return ""
        return LOST if name in self._passage.free else self._follows(name)

    def _follows(self, name: str) -> str:
        """Another register of the site, or sp and a distance, whatever the values are."""
        held = [now.get(name, 0) for _, now in self._samples]
        for other in self._site:
            if other not in (self._abi.pc, self._flags) and held == [was[other] for was, _ in self._samples]:
                return other
        if set(held) == {self._passage.after}:
            return "the address behind the site"
        return self._distance([value - was[self._abi.sp] for value, (was, _) in zip(held, self._samples, strict=True)])

    def _distance(self, distances: Sequence[int]) -> str:
        """A distance from sp as it should be, where it is always the same."""
        first, *others = distances
        if any(other != first for other in others) or abs(first) > NEAR:
            return LOST
        return f"{self._abi.sp}{first:+d}" if first else ""

    def _told_flags(self) -> dict[str, str]:
        """What has become of the flags. Of those that a callback wrote, what is loaded back tells."""
        control = ~self._abi.arithmetic_flags
        changed = (self._landed[self._flags] ^ self._site[self._flags]) & control
        told = {"control flags": "changed" if changed else ""}
        if self._flags not in self._written:
            kept = all(_same(was, now, self._flags, ~control) for was, now in self._samples)
            told[self._flags] = "" if kept else LOST
        return told


def _same(was: dict[str, int], now: dict[str, int], name: str, mask: int) -> bool:
    return name in now and not (was[name] ^ now[name]) & mask


def _written(passage: Passage) -> dict[str, int]:
    """{register: the value that a callback wrote for it}."""
    pairs = ((passage.register(passage.struct.member(name)), value) for name, value in passage.changed.items())
    return {register: value for register, value in pairs if register}


def _again(passage: Passage, number: int, arithmetic: int) -> tuple[dict[str, int], dict[str, int]]:
    """Registers at the site and where control goes on, {} where it does not, of another way with these flags."""
    abi, hit = passage.abi, passage.hit
    inputs = varied(hit, number)
    inputs.registers[abi.flags] = abi.flags_base | arithmetic
    parent = inputs.evaluate(passage.variant.site.parent, passage.after)
    if abi.link and parent is not None and passage.site[abi.link] == passage.parent:
        inputs.registers[abi.link] = parent  # the site has put it where the trampoline finds it
    nowhere = Arrival(passage.recording, hit, 0, b"", 0)
    replay = Replay(sent_to(passage) or nowhere, inputs).run(engine.plain(passage.arch))
    return inputs.registers, replay.landing or replay.arrived or {}


def stack(passage: Passage, names: Names) -> dict[str, str]:
    """What the function returns through, and the first word above its stack that has changed; nothing: all is kept."""
    if passage.destination != passage.after or passage.landed is None:
        return {}
    told, lab, word = {}, passage.lab, passage.arch.word
    now = passage.return_at_landing
    if now is not None and now != passage.return_at_site:
        told["returns through"] = HANDLER if now == lab.image.symbols.get(HANDLER) else names(now)
    sp = passage.site[passage.abi.sp] + passage.variant.site.pops
    for address in range(sp, lab.image.stack.end, word):
        found = passage.word_at_landing(address)
        if address != passage.parent_slot and found not in (None, passage.word_at_site(address)):
            told["changed above"] = f"{passage.abi.sp}{address - sp:+d}"
            break
    return told
