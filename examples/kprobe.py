# SPDX-License-Identifier: GPL-2.0-only
"""A kprobe on a function's entry, by ftrace instead of a breakpoint: what op and regs were made for in 2012.

The kernel: arm_kprobe_ftrace() in kernel/kprobes.c registers an ops with SAVE_REGS (and IPMODIFY, where the probe has a
post_handler) whose func is kprobe_ftrace_handler() in arch/x86/kernel/kprobes/ftrace.c. Handlers expect what they would
see at a breakpoint: regs->ip behind it in the pre_handler, and behind the site's instruction, as if that had been
stepped over, in the post_handler; then the old value comes back. A pre_handler that does not return 0 has set regs->ip
itself: that stays, and there is no post_handler (kernel/fail_function.c makes functions fail in this way). The kernel's
two ops are shared by all probes; here each has its own. 32-bit arm puts kprobes on breakpoints; its ftrace would do.

Run: .venv/bin/python examples/kprobe.py [ARCH]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from emulator import FtraceOps, Lab
from emulator.views import FtraceRegs

lab = Lab(sys.argv[1] if len(sys.argv) > 1 else "x86_64", release="6.12")
MCOUNT_INSN_SIZE = len(lab.variant.site.nop)
return_eio = lab.add_function("return_eio", lambda: -5)


@dataclass
class Kprobe:
    """struct kprobe. The handlers' regs are full, with accessors that are the same on every architecture."""

    addr: int
    pre_handler: Callable[[Kprobe, FtraceRegs], int]
    post_handler: Callable[[Kprobe, FtraceRegs, int], None] | None = None

    def kprobe_ftrace_handler(self, ip: int, _parent_ip: int, _op: FtraceOps, _regs: object) -> None:
        """The ops' func."""
        regs = lab.fregs
        if regs is None:
            return
        orig_ip = regs.get_instruction_pointer()
        regs.set_instruction_pointer(ip + 1)  # behind an int3, as on x86
        if self.pre_handler(self, regs) == 0:
            regs.set_instruction_pointer(self.addr + MCOUNT_INSN_SIZE)
            if self.post_handler:
                self.post_handler(self, regs, 0)
            regs.set_instruction_pointer(orig_ip)


def look(p: Kprobe, regs: FtraceRegs) -> int:
    """A pre_handler after which all goes on."""
    print(
        f"  pre_handler: regs->ip is addr+{regs.get_instruction_pointer() - p.addr}, argument {regs.get_argument(0):#x}"
    )
    return 0


def look_again(p: Kprobe, regs: FtraceRegs, _flags: int) -> None:
    """A post_handler."""
    print(f"  post_handler: regs->ip is addr+{regs.get_instruction_pointer() - p.addr}")


def fail(_p: Kprobe, regs: FtraceRegs) -> int:
    """A pre_handler by which the function never runs, and its caller gets -EIO."""
    print("  pre_handler: regs->ip = return_eio")
    regs.set_instruction_pointer(return_eio)
    return 1


rec = lab.record("schedule")
print(f"{lab.arch.name} 6.12: schedule() = {lab.call('schedule', 0x1234).result:#x}")
for kprobe in (Kprobe(rec.ip, look), Kprobe(rec.ip, look, look_again), Kprobe(rec.ip, fail, look_again)):
    full = {"SAVE_REGS"} if lab.variant.regs else set()  # arm64 has ftrace_regs only, and kprobes use breakpoints there
    ops = FtraceOps("kprobe", kprobe.kprobe_ftrace_handler, flags=full)
    if kprobe.post_handler:
        ops.flags |= {"IPMODIFY"}
    lab.set_filter_ip(ops, kprobe.addr)
    lab.register(ops)
    print(f"a kprobe with {' | '.join(sorted(ops.flags))}, record {rec.describe(lab.release.bits)}")
    print(f"  schedule() = {lab.call('schedule', 0x1234).result:#x}")
    lab.unregister(ops)
