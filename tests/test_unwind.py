# SPDX-License-Identifier: GPL-2.0-only
"""What runs show of frames: one height at each instruction, and no two that disagree."""

from __future__ import annotations

import pytest

from emulator import Lab, catalog
from emulator.errors import InputError
from emulator.unwind import Unwinding, unwinding

EVERY = [(arch.name, variant.name) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]


@pytest.mark.parametrize(("arch", "variant"), EVERY)
def test_runs_agree_about_every_trampoline_of_ours(arch, variant):
    lab = Lab(arch, variant=variant)
    known = unwinding(lab.subject, 1)
    known.expect_agreement(lab)
    assert known.conflicts == []
    site = lab.record("vfs_read").ip
    assert known.rule(site) is not None
    assert not known.outermost(site)
    assert known.outermost(lab.address("ksys_read"))


def test_the_rules_of_a_trampoline_that_everybody_can_follow():
    """x86_64, ftrace_caller: return address on top at the entry, below 168 bytes of record after it."""
    lab = Lab("x86_64")
    known = unwinding(lab.subject, 1)
    entry, call = lab.address("ftrace_caller"), lab.address("ftrace_call")
    assert (known.rule(entry).cfa, known.rule(entry).saved) == (8, {"rip": -8})
    rule = known.rule(call)
    assert rule.cfa == 168 + 8
    assert rule.saved["rdi"] == -176 + 112  # PT_di
    assert not rule.lost


def test_a_return_address_in_a_register_is_found():
    """arm, 3.6: pop {r0-r3, ip, lr}; mov pc, ip."""
    lab = Lab("arm", variant="3.6")
    known = unwinding(lab.subject, 1)
    backs = {known.rule(address).back for address in lab.image.placement.built and known._seen}
    assert "ip" in backs


def test_two_heights_at_one_instruction_are_an_error_with_the_place():
    lab = Lab("x86_64")
    known, call = Unwinding(lab.arch), lab.address("ftrace_call")
    known.learn(call, 176, None)
    known.learn(call, 176, None)
    known.expect_agreement(lab)
    known.learn(call, 184, None)
    assert known.rule(call) is None
    with pytest.raises(InputError, match=r"ftrace_caller\+0x\w+ .*176 bytes above .* in one run, 184 in another"):
        known.expect_agreement(lab)
