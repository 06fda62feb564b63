# SPDX-License-Identifier: GPL-2.0-only
"""SAVE_REGS: a callback that changes an argument of the function it traces.

The kernel: an ops with FTRACE_OPS_FL_SAVE_REGS makes the site call ftrace_regs_caller instead of ftrace_caller
(arch/x86/kernel/ftrace_64.S, arch/arm/kernel/entry-ftrace.S). It stores all registers into a struct pt_regs, passes its
address, and loads the registers from there again when the callback has returned. Where an architecture has no such
trampoline at a release, __register_ftrace_function() in kernel/trace/ftrace.c refuses with -EINVAL.

device_is_dependent(levels) calls itself `levels` times and returns how often it did. The callback allows 2.

Run: .venv/bin/python examples/change_a_register.py [ARCH]
"""

import sys

from emulator import FtraceError, FtraceOps, Lab, UsageError
from emulator.description import Reg
from emulator.views import PtRegs

arch = sys.argv[1] if len(sys.argv) > 1 else "x86_64"
releases = dict.fromkeys(variant.release for variant in Lab(arch).arch.variants)

# How struct pt_regs calls the register of the first argument: di on x86_64, r0 on arm.
declared = Lab(arch).arch
first = next(member.name for member in declared.pt_regs.members if member.holds == Reg(declared.abi.arguments[0]))


def clamp(_ip: int, _parent_ip: int, _op: FtraceOps, regs: PtRegs) -> None:
    """Let nobody ask for more than 2 levels."""
    levels = getattr(regs, first)
    if levels > 2:
        setattr(regs, first, 2)  # what C writes as regs->di = 2
        print(f"  regs->{first} was {levels}, and is {getattr(regs, first)} now")


for release in releases:
    print(f"{arch} {release}")
    lab = Lab(arch, release=release)
    print(f"  device_is_dependent(7) = {lab.call('device_is_dependent', 7).result}, untraced")
    ops = FtraceOps("clamp", clamp, flags={"SAVE_REGS"})
    lab.set_filter(ops, "device_is_dependent")
    try:
        lab.register(ops)
    except (FtraceError, UsageError) as refusal:
        print(f"  {refusal}")
        continue
    recording = lab.call("device_is_dependent", 7)
    print(f"  device_is_dependent(7) = {recording.result}, the callback ran {len(recording.callbacks)} times")

    seen = recording.callbacks[0].regs  # what the first call was given, still to be looked at
    if seen is not None:
        ignored = [member.name for member in lab.arch.pt_regs.members if not seen.honoured(member.name)]
        print(f"  a change of these members would not have been loaded back: {', '.join(ignored)}")
    lab.unregister(ops)
    print(f"  device_is_dependent(7) = {lab.call('device_is_dependent', 7).result}, untraced again")
