# SPDX-License-Identifier: GPL-2.0-only
"""One ftrace_ops on one function: what its callback is given, release by release.

The kernel: register_ftrace_function() in kernel/trace/ftrace.c turns the NOP at vfs_read's entry into a call of a
trampoline (arch/x86/kernel/ftrace_64.S, arch/arm/kernel/entry-ftrace.S), which calls ops->func(). Up to 3.6 that gets
ip and parent_ip. 3.7 added op and regs; regs is NULL for an ops without SAVE_REGS. Since 5.11 the fourth argument is an
ftrace_regs (`lab.fregs`), and regs is what ftrace_get_regs() makes of it. On x86_64, 3.7 passed the address of the
variable function_trace_op instead of the ops that it points to. To see that, the ops has to be RECURSION_SAFE: else the
list function stands between, which passes the right one.

Run: .venv/bin/python examples/first_callback.py [ARCH]
"""

from __future__ import annotations

import sys

from emulator import FtraceOps, Lab, Pointer
from emulator.views import PtRegs

arch = sys.argv[1] if len(sys.argv) > 1 else "x86_64"


def trace(release: str) -> None:
    """Trace vfs_read on a kernel of that release, once."""
    lab = Lab(arch, release=release)  # functions to be traced, and the trampolines of that release

    def probe(ip: int, parent_ip: int, op: FtraceOps | Pointer | None, regs: PtRegs | None) -> None:
        """Print what has arrived."""
        print(f"  ip         {ip:x}, {lab.symbol(ip)}")
        print(f"  parent_ip  {parent_ip:x}, {lab.symbol(parent_ip)}")
        if lab.release.callback_gets_op:
            print(f"  op         {op if isinstance(op, Pointer) else op and lab.symbol(op.address)}")
            print(f"  regs       {regs or 'NULL'}")
        if lab.release.callback_gets_fregs:
            print(f"  fregs      {lab.fregs or 'NULL'}")

    ops = FtraceOps("probe", probe, flags={"RECURSION_SAFE"} & lab.release.flags.keys())
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    recording = lab.call("vfs_read")  # through its caller, ksys_read, up to its return
    print(f"  called by  {' -> '.join(recording.callbacks[0].via)}")
    lab.unregister(ops)


for declared in dict.fromkeys(variant.release for variant in Lab(arch).arch.variants):
    print(f"{arch} {declared}")
    trace(declared)
