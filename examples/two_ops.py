# SPDX-License-Identifier: GPL-2.0-only
"""Two ops on one function: one trampoline for both, one set of registers, and what is left when one of them goes.

The kernel: a site can call one address only. With two ops, that is the shared ftrace_caller or ftrace_regs_caller, and
update_ftrace_function() in kernel/trace/ftrace.c makes these call ftrace_ops_list_func(), which asks each ops' hashes,
the newest ops first. If one of them has SAVE_REGS, the site calls ftrace_regs_caller, and the other sees regs too.
When the SAVE_REGS ops goes, __ftrace_hash_rec_update() takes FTRACE_FL_REGS back from the record at 6.x; 3.7 did that
only with the last ops, and the other one went on getting regs. On x86_64 at 6.x an ops that is alone on a function has
a private copy of the trampoline, and needs no list (create_trampoline() in arch/x86/kernel/ftrace.c).

Run: .venv/bin/python examples/two_ops.py [ARCH]
"""

from __future__ import annotations

import sys

from emulator import FtraceError, FtraceOps, Lab, UsageError
from emulator.views import PtRegs

arch = sys.argv[1] if len(sys.argv) > 1 else "x86_64"


def callback(_ip: int, _parent_ip: int, op: FtraceOps | None, regs: PtRegs | None) -> None:
    """Say for which ops it was called, and whether regs came with it."""
    if op is None:
        print("    callback: neither op nor regs were passed")
    else:
        print(f"    callback: op {op.name}, regs {'full' if regs else 'NULL'}")


def call(lab: Lab, who: str) -> None:
    """Call vfs_read, and show the way to each callback."""
    rec = lab.record("vfs_read")
    print(f"  {who}: record {rec.describe(lab.release.bits)}")
    recording = lab.call("vfs_read")
    for seen in recording.callbacks:
        print(f"    {' -> '.join(['vfs_read', *seen.via])}")


def trace(release: str) -> None:
    """The tracer alone, a probe beside it, and the tracer alone again."""
    lab = Lab(arch, release=release)
    tracer, probe = FtraceOps("tracer", callback), FtraceOps("probe", callback, flags={"SAVE_REGS"})
    try:
        for ops in (tracer, probe):
            lab.set_filter(ops, "vfs_read")
            lab.register(ops)
            call(lab, f"{ops.name} registered")
        lab.unregister(probe)
        call(lab, "probe unregistered")
    except (FtraceError, UsageError) as refusal:
        print(f"  {refusal}")
    lab.unregister(tracer)


for declared in dict.fromkeys(variant.release for variant in Lab(arch).arch.variants):
    print(f"{arch} {declared}")
    trace(declared)
