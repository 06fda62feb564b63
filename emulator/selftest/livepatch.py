# SPDX-License-Identifier: GPL-2.0-only
"""tools/testing/selftests/livepatch/test-ftrace.sh: a livepatch, and kernel.ftrace_enabled."""

from __future__ import annotations

import errno
from functools import partial

from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.lab import Lab
from emulator.selftest.case import Case, Failed, Kernel, code, same
from emulator.selftest.probes import WAKE_UP_PROCESS, call

SOURCE = "tools/testing/selftests/livepatch"
CMDLINE_PROC_SHOW = WAKE_UP_PROCESS
"""The function that test_klp_livepatch replaces."""
PATCHED = 0x5A
"""What the new one returns."""


class _Livepatch:
    """A module with a new function in the place of an old one (kernel/livepatch/patch.c)."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ops = FtraceOps("klp", self._handler, flags={"DYNAMIC", "IPMODIFY", "PERMANENT"})
        self.new_func = lab.add_function("livepatch_cmdline_proc_show", lambda: PATCHED)
        lab.set_filter_ip(self.ops, lab.address(CMDLINE_PROC_SHOW))

    def _handler(self, *_: object) -> None:
        if self.lab.fregs is None:
            raise Failed("klp_ftrace_handler received NULL fregs")
        self.lab.fregs.set_instruction_pointer(self.new_func)

    def load(self) -> int:
        """0, or the code that the registration was refused with."""
        return code(lambda: self.lab.register(self.ops))


def livepatch(lab: Lab) -> None:
    """A livepatch is refused while ftrace is off; while one is there ftrace stays on, and the function replaced."""
    plain = call(lab, CMDLINE_PROC_SHOW).result
    patch, switch_off = _Livepatch(lab), partial(setattr, lab, "enabled", False)
    lab.enabled = False
    same("registering while kernel.ftrace_enabled = 0 returned", patch.load(), -errno.EBUSY)
    lab.enabled = True
    same("registering returned", patch.load(), 0)
    _expect_result(lab, "this has been live patched", PATCHED)
    same("kernel.ftrace_enabled = 0 returned", code(switch_off), -errno.EBUSY)
    _expect_result(lab, "still live patched", PATCHED)
    lab.unregister(patch.ops)
    _expect_result(lab, "unpatched", plain)
    same("kernel.ftrace_enabled = 0, unpatched, returned", code(switch_off), 0)


def _expect_result(lab: Lab, what: str, expected: int) -> None:
    same(f"{what}: {CMDLINE_PROC_SHOW}() returned", hex(call(lab, CMDLINE_PROC_SHOW).result), hex(expected))


def no_livepatch(kernel: Kernel) -> str | None:
    """The new function needs the stack as the old one was entered with: not behind the prologue, as on arm."""
    if "PERMANENT" not in kernel.release.flags:
        return f"{kernel.release.name} has no FTRACE_OPS_FL_PERMANENT"
    if Ability.DYNAMIC_FTRACE_WITH_ARGS not in kernel.abilities:
        return "no DYNAMIC_FTRACE_WITH_ARGS here, and so no LIVEPATCH"
    return None


# -- the cases ---------------------------------------------------------------------------------------------------------

CASES = (Case(name="livepatch", title="test-ftrace.sh", source=SOURCE, run=livepatch, lacks=no_livepatch),)
