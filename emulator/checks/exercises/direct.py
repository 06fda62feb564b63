# SPDX-License-Identifier: GPL-2.0-only
"""Exercises with direct calls."""

from __future__ import annotations

from contextlib import suppress

from emulator.checks.exercise import DIRECT, REGS, exercise, having
from emulator.checks.rig import FUNCTION, Rig
from emulator.core import releases
from emulator.core.ops import FtraceOps
from emulator.description import Variant
from emulator.errors import FtraceError


def direct_by_address(variant: Variant) -> bool:
    """Releases that have register_ftrace_direct(ip, addr)."""
    return having(DIRECT)(variant) and releases.release(variant.release).direct_by_address


@exercise("direct", "a direct call alone", having(DIRECT))
def _direct(rig: Rig) -> None:
    rig.direct()
    rig.call()


@exercise("direct-shared", "a direct call beside an ops", having(DIRECT))
def _direct_shared(rig: Rig) -> None:
    rig.direct()
    rig.ops("probe")
    rig.call()


@exercise("direct-regs", "a direct call beside an ops with SAVE_REGS", having(DIRECT, REGS))
def _direct_regs(rig: Rig) -> None:
    rig.ops("kprobe", "SAVE_REGS")
    rig.direct()
    rig.call()


@exercise("direct-write", "a direct call beside an ops that writes every register", having(DIRECT))
def _direct_write(rig: Rig) -> None:
    rig.fullest("kprobe", act=lambda rig: rig.write_loaded(rig.variant.regs or rig.variant.plain))
    rig.direct()
    rig.call()


@exercise("direct-ip", "a direct trampoline that is code beside an ops that changes ip", having(DIRECT))
def _direct_ip(rig: Rig) -> None:
    rig.direct_code()
    rig.fullest("kprobe", act=Rig.redirect)
    rig.call()


@exercise("direct-far", "a direct call of a module's function, which may be out of a call's reach", having(DIRECT))
def _direct_far(rig: Rig) -> None:
    rig.direct_to(rig.far_target)
    rig.call()
    rig.ops("probe")
    rig.call()


@exercise("direct-stub", "the direct trampoline of the kernel's own selftest", having(DIRECT))
def _direct_stub(rig: Rig) -> None:
    stub = rig.lab.image.symbols.get("ftrace_stub_direct_tramp")
    if stub is not None:
        rig.direct_to(stub, on="*")
        rig.call()
        rig.call("kernel_read")
        rig.ops("probe", on="*")
        rig.call()
        rig.call("kernel_read")


@exercise("direct-code", "direct trampolines that are code, alone and shared, to the real return", having(DIRECT))
def _direct_code(rig: Rig) -> None:
    rig.direct_code()
    rig.call()
    rig.ops("probe")
    rig.call()


@exercise("direct-modified", "a direct call is sent elsewhere, and then taken back", having(DIRECT))
def _direct_modified(rig: Rig) -> None:
    ops = FtraceOps("direct")
    rig.lab.set_filter(ops, FUNCTION)
    first, second = rig.lab.address("my_tramp1"), rig.target
    rig.lab.register_direct(ops, first)
    with suppress(FtraceError):
        rig.lab.modify_direct(ops, second)
    rig.expect_direct(second)
    rig.call()
    rig.lab.unregister_direct(ops, second)
    rig.expect_direct(0)
    rig.call()


@exercise("direct-by-name", "the same, by the address of the function", direct_by_address)
def _direct_by_name(rig: Rig) -> None:
    function, first, second = rig.lab.address(FUNCTION), rig.lab.address("my_tramp1"), rig.target
    rig.lab.register_direct(function, first)
    with suppress(FtraceError):
        rig.lab.modify_direct(function, first, second)
    rig.expect_direct(second)
    rig.call()
    rig.lab.unregister_direct(function, second)
    rig.expect_direct(0)
    rig.call()
