# SPDX-License-Identifier: GPL-2.0-only
"""The numbers that sources know by name."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.asm_offsets import offsets
from emulator.description import Arch

ARCHES = [catalog.load(name) for name in catalog.names()]
X86, ARM64 = catalog.load("x86_64"), catalog.load("arm64")


def test_pt_regs_and_the_ops() -> None:
    found = offsets(X86, X86.variant("6.12"))
    assert (found["PT_r15"], found["PT_ip"], found["PT_SIZE"]) == (0, 128, 168)
    assert found["FTRACE_OPS_func"] == 0
    assert not any(name.startswith("FREGS_") for name in found)


def test_a_record_that_is_no_pt_regs_has_names_of_its_own() -> None:
    found = offsets(ARM64, ARM64.variant("6.12"))
    assert (found["FREGS_x0"], found["FREGS_direct_tramp"], found["FREGS_SIZE"]) == (0, 72, 112)
    assert "FREGS_direct_tramp" not in offsets(ARM64, ARM64.variant("6.12-cfi"))


def test_a_member_that_a_configuration_lacks_has_no_number() -> None:
    assert "FTRACE_OPS_direct_call" in offsets(ARM64, ARM64.variant("6.12"))
    assert "FTRACE_OPS_direct_call" not in offsets(ARM64, ARM64.variant("6.12-cfi"))


@pytest.mark.parametrize("arch", [arch for arch in ARCHES if arch.kbuild], ids=lambda arch: arch.name)
def test_what_kbuild_says_of_them_is_true_of_some_variant(arch: Arch) -> None:
    assert arch.kbuild
    ours = {name for variant in arch.variants for name in offsets(arch, variant)}
    assert ours >= {*arch.kbuild.offsets.values()}
