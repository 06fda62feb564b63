# SPDX-License-Identifier: GPL-2.0-only
"""Exercises whose callbacks write to their record."""

from __future__ import annotations

from emulator.checks.exercise import REGS, exercise, having
from emulator.checks.rig import Rig
from emulator.description import Entry, Variant


def plain_loads(variant: Variant) -> bool:
    """Variants whose ftrace_caller loads its record back (DYNAMIC_FTRACE_WITH_ARGS)."""
    return variant.plain.record is not None and bool(variant.plain.honours)


@exercise("write", "a callback writes every register that ftrace_regs_caller loads back", having(REGS))
def _write(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", act=lambda rig: _write_all(rig, rig.variant.regs))
    rig.call()


@exercise("write-shared", "the same through the list function", having(REGS))
def _write_shared(rig: Rig) -> None:
    rig.ops("probe")
    rig.ops("kprobe", "SAVE_REGS", act=lambda rig: _write_all(rig, rig.variant.regs))
    rig.call()


@exercise("write-plain", "a callback writes every register that ftrace_caller loads back", plain_loads)
def _write_plain(rig: Rig) -> None:
    rig.ops("probe", act=lambda rig: _write_all(rig, rig.variant.plain))
    rig.call()


@exercise("write-one", "a callback writes one register, and the function goes on", having(REGS))
def _write_one(rig: Rig) -> None:
    members = list(rig.loaded(rig.variant.regs.honours if rig.variant.regs else ()))
    member = rig.numbers.choice([member for member in members if not rig.leads_to_frame(member)])
    rig.ops("kprobe", "SAVE_REGS", act=lambda rig: rig.write(member))
    rig.call()


@exercise("flags", "a callback turns every arithmetic flag over", having(REGS))
def _flags(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", act=Rig.toggle_flags if _loads_flags(rig) else None)
    rig.call()


def _loads_flags(rig: Rig) -> bool:
    members = {m.name for m in rig.lab.struct.members if getattr(m.holds, "name", None) == rig.arch.abi.flags}
    return bool(rig.variant.regs and members & set(rig.variant.regs.honours))


def _write_all(rig: Rig, entry: Entry | None) -> None:
    """Write them, and send control away, because the function could not work with them."""
    rig.write_loaded(entry)
    rig.redirect()


@exercise("ip", "a callback changes ip, with SAVE_REGS", having(REGS))
def _ip(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS", act=Rig.redirect)
    rig.call()


@exercise("ip-shared", "the same through the list function", having(REGS))
def _ip_shared(rig: Rig) -> None:
    rig.ops("probe")
    rig.ops("kprobe", "SAVE_REGS", act=Rig.redirect)
    rig.call()


@exercise("ip-plain", "a callback changes ip without SAVE_REGS, as livepatch does", plain_loads)
def _ip_plain(rig: Rig) -> None:
    rig.ops("live", act=Rig.redirect)
    rig.call()
