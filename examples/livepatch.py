# SPDX-License-Identifier: GPL-2.0-only
"""IPMODIFY: replace a function while the kernel runs, as livepatch does.

The kernel: klp_ftrace_handler() in kernel/livepatch/patch.c sets the instruction pointer of the record that it is
given, and the trampoline goes on in the new function. A partial ftrace_regs is enough for that: SAVE_REGS is set only
where CONFIG_DYNAMIC_FTRACE_WITH_ARGS is missing. Two such ops on one function would contradict each other:
__ftrace_hash_update_ipmodify() in kernel/trace/ftrace.c allows one. PERMANENT makes ftrace_enable_sysctl() refuse to
switch ftrace off, for the old function would be back. (32-bit arm has no livepatch; its ftrace, since 4.12, would do.)

Run: .venv/bin/python examples/livepatch.py [ARCH]
"""

from __future__ import annotations

import sys

from emulator import FtraceError, FtraceOps, Lab
from emulator.description import Ability

lab = Lab(sys.argv[1] if len(sys.argv) > 1 else "x86_64", release="6.12")
with_args = Ability.DYNAMIC_FTRACE_WITH_ARGS in lab.variant.abilities
FLAGS = {"DYNAMIC", "IPMODIFY", "PERMANENT"} | (set() if with_args else {"SAVE_REGS"})


def livepatch_vfs_read(file: int, buf: int, count: int) -> int:
    """The new function: it gets the old one's arguments, and its result goes to the old one's caller."""
    print(f"  livepatch_vfs_read(file={file:#x}, buf={buf:#x}, count={count})")
    return count


new_func = lab.add_function("livepatch_vfs_read", livepatch_vfs_read)


def klp_ftrace_handler(_ip: int, _parent_ip: int, _op: FtraceOps, regs: object) -> None:
    """Go on in the new function."""
    print(f"  klp_ftrace_handler: regs is {'full' if regs else 'NULL, fregs is not'}")
    if lab.fregs:
        lab.fregs.set_instruction_pointer(new_func)


def patch(name: str) -> FtraceOps:
    """Register an ops for vfs_read."""
    ops = FtraceOps(name, klp_ftrace_handler, flags=FLAGS)
    lab.set_filter_ip(ops, lab.record("vfs_read").ip)
    lab.register(ops)
    return ops


def call(title: str) -> None:
    """Call vfs_read."""
    print(title)
    print(f"  vfs_read() = {lab.call('vfs_read', 0x100, 0x200, 42).result:#x}")


print(f"{lab.arch.name} 6.12, {' | '.join(sorted(FLAGS))}")
call("the old function:")
livepatch = patch("livepatch")
call("patched:")

try:
    patch("another")
except FtraceError as refusal:
    print(f"another patch of the same function:\n  {refusal}")
try:
    lab.enabled = False
except FtraceError as refusal:
    print(f"ftrace_enabled = 0:\n  {refusal}")
call("patched, as before:")

lab.unregister(livepatch)
lab.enabled = False
call("no longer patched, and ftrace_enabled is 0:")
try:
    patch("livepatch again")
except FtraceError as refusal:
    print(f"patching now:\n  {refusal}")
