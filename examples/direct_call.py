# SPDX-License-Identifier: GPL-2.0-only
"""register_ftrace_direct(): a site that calls its user's own trampoline, with no ftrace between.

The kernel: a BPF trampoline is called so, and samples/ftrace/ftrace-direct*.c show how: my_tramp1 saves the arguments,
calls the C function my_direct_func1, and returns into the traced function. As long as the direct ops is alone on a
function, the site calls my_tramp1 itself. Beside another ops it calls ftrace_regs_caller, where call_direct_funcs() in
kernel/trace/ftrace.c puts my_tramp1's address into regs->orig_ax (arch_ftrace_set_direct_caller()), and the trampoline
leaves through it (arch/x86/kernel/ftrace_64.S). modify_ftrace_direct() exchanges the address while all goes on.
Without DYNAMIC_FTRACE_WITH_DIRECT_CALLS, on 32-bit arm for example, all this is -ENODEV.

Run: .venv/bin/python examples/direct_call.py [ARCH]
"""

from __future__ import annotations

import errno
import sys

from emulator import FtraceError, FtraceOps, Lab

lab = Lab(sys.argv[1] if len(sys.argv) > 1 else "x86_64", release="6.12")


def my_direct_func1(file: int, buf: int) -> None:
    """What my_tramp1 calls, with the traced function's arguments."""
    print(f"    my_direct_func1({file:#x}, {buf:#x})")


def my_direct_func2(file: int, buf: int) -> None:
    """What my_tramp2 calls."""
    print(f"    my_direct_func2({file:#x}, {buf:#x})")


def probe(ip: int, _parent_ip: int, op: FtraceOps, _regs: object) -> None:
    """An ordinary callback on the same function."""
    print(f"    {op.name}: {lab.symbol(ip)}")


def call(title: str) -> None:
    """Call vfs_read, and show where its site went."""
    print(f"  {title}")
    recording = lab.call("vfs_read", 0x100, 0x200, 42)
    target = lab.symbol(recording.hit.target) if recording.hit.target else "nothing"
    print(f"    the site called {target}; vfs_read returned {recording.result:#x}")


print(f"{lab.arch.name} 6.12")
direct = FtraceOps("direct")  # without a func: the kernel sets one
try:
    lab.register_direct(direct, 0)  # it does not know for which function
except FtraceError as refusal:
    print(f"  {refusal}")
    if refusal.errno == errno.ENODEV:
        sys.exit()

lab.implement("my_direct_func1", my_direct_func1)
lab.implement("my_direct_func2", my_direct_func2)
tramp1, tramp2 = lab.address("my_tramp1"), lab.address("my_tramp2")
other = FtraceOps("probe", probe)
for ops in (direct, other):
    lab.set_filter_ip(ops, lab.record("vfs_read").ip)

call("not traced")
lab.register_direct(direct, tramp1)
call("my_tramp1 alone")
lab.register(other)
call("my_tramp1 beside an ops")
lab.modify_direct(direct, tramp2)
call("modified to my_tramp2, beside an ops")
lab.unregister(other)
call("my_tramp2 alone")
lab.unregister_direct(direct, tramp2, free_filters=True)
call("not traced any more")
