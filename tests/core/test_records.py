# SPDX-License-Identifier: GPL-2.0-only
"""One record: what counting does to it, and what a site needs for that (__ftrace_hash_rec_update, check_record)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from emulator.core.ops import FtraceOps
from emulator.core.records import DynFtrace, Update, add_reference, check_record, drop_reference
from emulator.core.releases import RELEASES

IP = 0x1004


def make(*flags: str, trampoline: int = 0, on: Iterable[int] = ()) -> FtraceOps:
    ops = FtraceOps("probe", lambda *_: None, flags=flags)
    ops.trampoline = trampoline
    ops.filter_hash.update(on)
    return ops


def word(release: str, count: int, names: str) -> int:
    """A flags word with this count and these bits."""
    bits = RELEASES[release].bits
    return count + sum(int(getattr(bits, name)) for name in names.split())


PLAIN, REGS, DIRECT = make(), make("SAVE_REGS"), make("DIRECT", "SAVE_REGS", trampoline=2)
OWN, OWN_REGS = make(trampoline=1), make("SAVE_REGS", trampoline=1)
ELSEWHERE = make("SAVE_REGS", trampoline=1, on=[9])

ADDED = [
    ("3.6", 0, "", PLAIN, 1, ""),
    ("3.7", 0, "", PLAIN, 1, ""),
    ("3.7", 0, "", REGS, 1, "REGS"),
    ("3.7", 1, "REGS ENABLED REGS_EN", PLAIN, 2, "REGS ENABLED REGS_EN"),
    ("6.12", 0, "", PLAIN, 1, ""),
    ("6.12", 0, "", OWN, 1, "TRAMP"),
    ("6.12", 0, "", OWN_REGS, 1, "REGS TRAMP"),
    ("6.12", 1, "TRAMP ENABLED TRAMP_EN", OWN, 2, "ENABLED TRAMP_EN"),
    ("6.12", 1, "TRAMP ENABLED TRAMP_EN", OWN_REGS, 2, "REGS ENABLED TRAMP_EN"),
    ("6.1", 0, "", DIRECT, 1, "DIRECT REGS TRAMP"),
    ("6.12", 1, "", DIRECT, 2, "DIRECT REGS"),
    ("6.12", 1, "DIRECT REGS TRAMP", PLAIN, 2, "DIRECT REGS"),
]


@pytest.mark.parametrize(("release", "count", "before", "ops", "then", "after"), ADDED)
def test_one_more_ops(release: str, count: int, before: str, ops: FtraceOps, then: int, after: str) -> None:
    rec = DynFtrace(IP, "f", word(release, count, before))
    add_reference(rec, ops, RELEASES[release])
    assert rec.flags == word(release, then, after)


DROPPED = [
    ("3.6", 2, "ENABLED", PLAIN, [PLAIN], 1, "ENABLED"),
    # 3.7: REGS outlives the ops that asked for it, and whatever happens while the count is 0.
    ("3.7", 2, "REGS ENABLED REGS_EN", REGS, [PLAIN], 1, "REGS ENABLED REGS_EN"),
    ("3.7", 1, "REGS ENABLED REGS_EN", REGS, [], 0, "REGS ENABLED REGS_EN"),
    # 6.12: REGS goes with the last who asks for it, unless nobody at all is left: check_record() clears it then.
    ("6.12", 2, "REGS ENABLED", REGS, [PLAIN], 1, "ENABLED"),
    ("6.12", 2, "REGS ENABLED", REGS, [PLAIN, ELSEWHERE], 1, "ENABLED"),
    ("6.12", 2, "REGS ENABLED", REGS, [make("SAVE_REGS")], 1, "REGS ENABLED"),
    ("6.12", 2, "REGS ENABLED", PLAIN, [REGS], 1, "REGS ENABLED"),
    ("6.12", 1, "REGS ENABLED", REGS, [], 0, "REGS ENABLED"),
    # An ops whose filter changes is still on the list, with its old hash.
    ("6.12", 2, "REGS ENABLED", REGS, [REGS, PLAIN], 1, "REGS ENABLED"),
    # TRAMP comes back for the one who is left and has a trampoline.
    ("6.12", 2, "ENABLED", OWN, [make(trampoline=1)], 1, "TRAMP ENABLED"),
    ("6.12", 3, "ENABLED", OWN, [make(trampoline=1), make(trampoline=1)], 2, "ENABLED"),
    ("6.12", 2, "ENABLED", OWN, [PLAIN], 1, "ENABLED"),
    ("6.12", 2, "ENABLED", OWN, [PLAIN, ELSEWHERE], 1, "ENABLED"),
    ("6.12", 2, "ENABLED", OWN, [OWN, PLAIN], 1, "ENABLED"),
    ("6.12", 1, "TRAMP ENABLED TRAMP_EN", OWN, [], 0, "ENABLED TRAMP_EN"),
    # A direct ops has the last word on direct calls; no other changes that.
    ("6.12", 2, "DIRECT REGS ENABLED", DIRECT, [OWN], 1, "TRAMP ENABLED"),
    ("6.12", 2, "DIRECT REGS ENABLED", PLAIN, [DIRECT], 1, "DIRECT REGS TRAMP ENABLED"),
]


@pytest.mark.parametrize(("release", "count", "before", "ops", "registered", "then", "after"), DROPPED)
def test_one_ops_less(
    release: str, count: int, before: str, ops: FtraceOps, registered: list[FtraceOps], then: int, after: str
) -> None:
    rec = DynFtrace(IP, "f", word(release, count, before))
    drop_reference(rec, ops, registered, RELEASES[release])
    assert rec.flags == word(release, then, after)


CHECKED = [
    # wanted, and not enabled yet
    ("3.6", 1, "", True, Update.MAKE_CALL, 1, "ENABLED"),
    ("3.7", 1, "REGS", True, Update.MAKE_CALL, 1, "REGS ENABLED REGS_EN"),
    ("6.1", 1, "REGS TRAMP", True, Update.MAKE_CALL, 1, "REGS TRAMP ENABLED REGS_EN TRAMP_EN"),
    ("6.12", 1, "REGS TRAMP", True, Update.MAKE_CALL, 1, "REGS TRAMP ENABLED REGS_EN TRAMP_EN TOUCHED"),
    ("6.12", 1, "IPMODIFY", True, Update.MAKE_CALL, 1, "IPMODIFY ENABLED TOUCHED MODIFIED"),
    ("6.12", 1, "DIRECT", True, Update.MAKE_CALL, 1, "DIRECT ENABLED DIRECT_EN TOUCHED MODIFIED"),
    ("6.12", 2, "DIRECT", True, Update.MAKE_CALL, 2, "DIRECT ENABLED TOUCHED MODIFIED"),
    # wanted, enabled, as it should be
    ("3.6", 3, "ENABLED", True, Update.IGNORE, 3, "ENABLED"),
    ("3.7", 2, "REGS ENABLED REGS_EN", True, Update.IGNORE, 2, "REGS ENABLED REGS_EN"),
    ("6.12", 1, "TRAMP ENABLED TRAMP_EN", True, Update.IGNORE, 1, "TRAMP ENABLED TRAMP_EN"),
    # wanted, enabled, another way
    ("3.7", 2, "REGS ENABLED", True, Update.MODIFY_CALL, 2, "REGS ENABLED REGS_EN"),
    ("6.1", 1, "ENABLED REGS_EN", True, Update.MODIFY_CALL, 1, "ENABLED"),
    ("6.1", 2, "ENABLED TRAMP_EN", True, Update.MODIFY_CALL, 2, "ENABLED"),
    ("6.1", 1, "REGS TRAMP ENABLED REGS_EN", True, Update.MODIFY_CALL, 1, "REGS TRAMP ENABLED REGS_EN TRAMP_EN"),
    # a direct call from the site itself is only for somebody who is alone there
    ("6.1", 1, "DIRECT ENABLED", True, Update.MODIFY_CALL, 1, "DIRECT ENABLED DIRECT_EN"),
    ("6.1", 2, "DIRECT ENABLED DIRECT_EN", True, Update.MODIFY_CALL, 2, "DIRECT ENABLED"),
    ("6.1", 2, "DIRECT ENABLED", True, Update.IGNORE, 2, "DIRECT ENABLED"),
    ("6.12", 1, "ENABLED DIRECT_EN", True, Update.MODIFY_CALL, 1, "ENABLED TOUCHED"),
    # somebody who only changes the ip of a site that is as it should be
    ("6.12", 1, "IPMODIFY ENABLED TOUCHED", True, Update.IGNORE, 1, "IPMODIFY ENABLED TOUCHED"),
    # nobody left: the whole word is cleared
    ("3.6", 0, "ENABLED", True, Update.MAKE_NOP, 0, ""),
    ("3.7", 0, "REGS ENABLED REGS_EN", True, Update.MAKE_NOP, 0, ""),
    ("6.12", 0, "REGS ENABLED TRAMP_EN", True, Update.MAKE_NOP, 0, ""),
    ("3.6", 0, "", True, Update.IGNORE, 0, ""),
    # nobody left, but for what says that somebody was there, or that nobody may be
    ("6.12", 0, "ENABLED REGS TOUCHED MODIFIED DISABLED", True, Update.MAKE_NOP, 0, "TOUCHED MODIFIED DISABLED"),
    # a site that nobody has enabled keeps what was wanted of it
    ("6.12", 0, "REGS", True, Update.IGNORE, 0, "REGS"),
    # a site that is not to be traced
    ("6.12", 1, "DISABLED", True, Update.IGNORE, 1, "DISABLED"),
    ("6.12", 1, "DISABLED ENABLED", True, Update.IGNORE, 1, "DISABLED ENABLED"),
    ("6.12", 0, "DISABLED ENABLED", True, Update.MAKE_NOP, 0, "DISABLED"),
    # all sites are being disabled: what is wanted stays
    ("6.12", 2, "REGS ENABLED REGS_EN", False, Update.MAKE_NOP, 2, "REGS"),
    ("6.12", 2, "REGS", False, Update.IGNORE, 2, "REGS"),
    ("6.12", 1, "DIRECT TRAMP ENABLED DIRECT_EN TRAMP_EN", False, Update.MAKE_NOP, 1, "DIRECT TRAMP"),
]


@pytest.mark.parametrize(("release", "count", "before", "enable", "update", "then", "after"), CHECKED)
def test_what_a_site_needs(
    release: str, count: int, before: str, enable: bool, update: Update, then: int, after: str
) -> None:
    rec = DynFtrace(IP, "f", word(release, count, before))
    before_it_is_done = rec.flags
    assert check_record(rec, RELEASES[release].bits, enable=enable) == (update, word(release, then, after))
    assert rec.flags == before_it_is_done


@pytest.mark.parametrize("release", RELEASES)
def test_enabled_functions_shows_the_count_and_letters(release: str) -> None:
    bits = RELEASES[release].bits
    assert DynFtrace(IP, "f", word(release, 2, "ENABLED")).describe(bits) == "(2)"
    if bits.REGS:
        assert DynFtrace(IP, "f", word(release, 1, "REGS")).describe(bits) == "(1) R"
    if bits.DIRECT:
        assert DynFtrace(IP, "f", word(release, 2, "REGS IPMODIFY DIRECT")).describe(bits) == "(2) R I D"


def test_a_site_that_may_not_be_traced_is_skipped_unless_it_is_traced_already() -> None:
    bits = RELEASES["6.12"].bits
    skipped = {names: DynFtrace(IP, "f", word("6.12", 1, names)).skipped(bits) for names in ("", "DISABLED")}
    assert skipped == {"": False, "DISABLED": True}
    assert not DynFtrace(IP, "f", word("6.12", 1, "DISABLED ENABLED")).skipped(bits)
