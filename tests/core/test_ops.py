# SPDX-License-Identifier: GPL-2.0-only
"""An ops by itself: its flags, and which of them a release takes."""

from __future__ import annotations

import pytest

from emulator.core.ops import KERNELS, USERS, FtraceOps, check_flags
from emulator.core.release import RELEASES
from emulator.errors import UnknownName, UsageError


def ignore(*_: object) -> None:
    """Any callback."""


def test_flags_come_with_or_without_their_prefix() -> None:
    ops = FtraceOps("probe", ignore, flags=["FTRACE_OPS_FL_SAVE_REGS", "DYNAMIC"])
    assert ops.flags == {"SAVE_REGS", "DYNAMIC"}
    assert ops.spec == "probe:DYNAMIC:SAVE_REGS"
    ops.flags |= {"FTRACE_OPS_FL_SAVE_REGS_IF_SUPPORTED"}
    assert ops.has("SAVE_REGS_IF_SUPPORTED")


@pytest.mark.parametrize(
    ("func", "options", "message"),
    [
        (None, {}, "func is None"),
        (ignore, {"flags": "SAVE_REGS"}, "flags is the string 'SAVE_REGS'"),
        (ignore, {"home": "modul"}, "did you mean 'module'"),
    ],
)
def test_what_no_ops_can_be(func: object, options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FtraceOps("probe", func, **options)  # type: ignore[arg-type]


def test_an_unknown_home_suggests_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="core, module"):
        FtraceOps("probe", ignore, home="x")


TAKEN = {
    "3.6": {"DYNAMIC"},
    "3.7": {"DYNAMIC", "SAVE_REGS", "SAVE_REGS_IF_SUPPORTED", "RECURSION_SAFE"},
    "6.12": {"DYNAMIC", "SAVE_REGS", "SAVE_REGS_IF_SUPPORTED", "RECURSION"},
}
EVERY = sorted(set().union(*(release.flags for release in RELEASES.values())) | {"SAVE_REG"})


@pytest.mark.parametrize("flag", EVERY)
@pytest.mark.parametrize("release", RELEASES)
def test_each_release_takes_its_own_flags_and_names_the_others(release: str, flag: str) -> None:
    ops = FtraceOps("probe", ignore, flags={flag})
    if flag in TAKEN[release]:
        check_flags(ops, RELEASES[release])
        assert ops.word(RELEASES[release]) == RELEASES[release].flags[flag]
        return
    with pytest.raises(UsageError, match=f"'probe'.*FTRACE_OPS_FL_{flag}") as refused:
        check_flags(ops, RELEASES[release])
    text = str(refused.value)
    if flag not in RELEASES[release].flags:
        assert text == f"ops 'probe': release {release} has no FTRACE_OPS_FL_{flag}"
    elif flag in KERNELS:
        assert "by the kernel itself" in text
    else:
        assert f"of release {release} is not modelled yet" in text


def test_no_flag_is_both_the_users_and_the_kernels() -> None:
    assert not USERS & KERNELS


@pytest.mark.parametrize(
    ("filter_hash", "notrace_hash", "wanted"),
    [
        (set(), set(), {1, 2, 3}),
        ({1}, set(), {1}),
        (set(), {1}, {2, 3}),
        ({1, 2}, {2}, {1}),
        ({1}, {1}, set()),
        ({9}, set(), set()),
    ],
)
def test_hash_contains_ip(filter_hash: set[int], notrace_hash: set[int], wanted: set[int]) -> None:
    ops = FtraceOps("probe", ignore)
    ops.filter_hash, ops.notrace_hash = filter_hash, notrace_hash
    assert {ip for ip in (1, 2, 3) if ops.wants(ip)} == wanted
