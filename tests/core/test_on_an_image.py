# SPDX-License-Identifier: GPL-2.0-only
"""The same core over a real image: what a plain platform could get wrong unnoticed."""

from __future__ import annotations

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.errors import FtraceError
from emulator.lab import Lab

VARIANTS = [
    (arch, variant.name)
    for arch in ("x86_64", "arm")
    for variant in catalog.load(arch).variants
    if Ability.DYNAMIC_FTRACE in variant.abilities
]


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def callbacks(lab: Lab, function: str) -> list[str]:
    return [call.ops.name for call in lab.call(function).callbacks]


@pytest.mark.parametrize("variant", ["6.12", "6.12-ibt", "6.12-fp"])
def test_an_address_may_be_the_sites_or_the_functions_first(variant: str) -> None:
    lab, ops = Lab("x86_64", variant=variant), FtraceOps("probe", ignore)
    rec = lab.record("vfs_read")
    for ip in (rec.ip, lab.patcher.address("vfs_read")):
        lab.set_filter_ip(ops, ip, reset=True)
        assert ops.filter_hash == {rec.ip}


def test_one_ops_can_go_from_kernel_to_kernel() -> None:
    ops = FtraceOps("probe", ignore, home="module")
    for arch, variant in VARIANTS:
        lab = Lab(arch, variant=variant)
        lab.set_filter(ops, "vfs_read")
        for _ in range(2):
            lab.register(ops)
            assert callbacks(lab, "vfs_read") == ["probe"]
            lab.unregister(ops)
            assert callbacks(lab, "vfs_read") == []


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_a_site_that_somebody_has_written_to_kills_ftrace(arch: str, variant: str) -> None:
    lab, ops = Lab(arch, variant=variant), FtraceOps("probe", ignore)
    before = lab.image.memory.read(lab.record("vfs_write").ip, 4)
    lab.image.memory.write(lab.record("vfs_write").ip, b"\x90" * 4)
    with pytest.raises(FtraceError, match=f"vfs_write.*expected {before.hex(' ')}.*found 90 90 90 90"):
        lab.register(ops)
    with pytest.raises(FtraceError, match="ENODEV: ftrace was killed"):
        lab.register(ops)
