# SPDX-License-Identifier: GPL-2.0-only
"""Small edits of a source: what changed is told, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from emulator.behaviour.changes import Change, Difference, compare
from emulator.behaviour.saved import Side

PLAIN, REGS, HANDLER = "ftrace_caller", "ftrace_regs_caller", "return_to_handler"
RIGHT, LOST = "as it should be", "lost"


class Edit(NamedTuple):
    """A change of the text, and all that is to be told: {entry: {fact: (old, new), or the difference of a cost}}."""

    name: str
    arch: str
    old: str
    new: str
    told: dict[str, dict[str, tuple[str, str] | int]]


EDITS = (
    Edit(
        "store dropped",
        "x86_64",
        "        mov     %rbx, PT_bx(%rsp)\n",
        "",
        {
            REGS: {
                "record.bx": ("rbx", "stale"),
                "registers.rbx": (RIGHT, LOST),
                "cost.instructions": -1,
                "cost.stores": -1,
            }
        },
    ),
    Edit(
        "load dropped",
        "x86_64",
        "        mov     PT_bx(%rsp), %rbx\n",
        "",
        {
            REGS: {
                "loaded_back.bx": ("yes", "no"),
                "registers.rbx": (RIGHT, "not what a callback wrote"),
                "cost.instructions": -1,
            }
        },
    ),
    Edit(
        "a member that is another register",
        "x86_64",
        "mov     %r13, PT_r13(%rsp)",
        "mov     %r12, PT_r13(%rsp)",
        {REGS: {"record.r13": ("r13", "wrong: r12"), "registers.r13": (RIGHT, "r12")}},
    ),
    Edit(
        "a member that is another number",
        "x86_64",
        "        .set    __KERNEL_DS, 0x18\n",
        "        .set    __KERNEL_DS, 0x2b\n",
        {REGS: {"record.ss": ("0x18", "wrong: 0x2b")}},
    ),
    Edit(
        "a member populated that was stale",
        "x86_64",
        "        movq    $0, PT_cs(%rsp)                         // fregs->cs = 0: not a full pt_regs\n",
        "        movq    $0, PT_cs(%rsp)\n        mov     %rbx, PT_bx(%rsp)\n",
        {PLAIN: {"record.bx": ("stale", "rbx"), "cost.instructions": 1, "cost.stores": 1}},
    ),
    Edit(
        "instruction added",
        "x86_64",
        "        mov     PT_flags(%rsp), %rax                    // flags = regs->flags\n",
        "        nop\n        mov     PT_flags(%rsp), %rax\n",
        {REGS: {"cost.instructions": 1}},
    ),
    Edit(
        "clobber added",
        "x86_64",
        "        mov     PT_ip(%rsp), %rax                       // rip = fregs->ip: func may have moved it\n",
        "        xor     %ebx, %ebx\n        mov     PT_ip(%rsp), %rax\n",
        {PLAIN: {"registers.rbx": (RIGHT, LOST), "cost.instructions": 1}},
    ),
    Edit(
        "flag lost",
        "x86_64",
        "        popfq                                           // flags\nLABEL ftrace_regs_caller_end",
        "        popfq\n        clc\nLABEL ftrace_regs_caller_end",
        {
            REGS: {
                "loaded_back.flags": ("yes", "astray"),
                "registers.eflags": (RIGHT, LOST),
                "cost.instructions": 1,
            }
        },
    ),
    Edit(
        "op is another pointer",
        "x86_64",
        "        mov     %rsp, %rcx                              // fregs\nLABEL ftrace_call\n",
        "        mov     %rsp, %rcx\n        lea     function_trace_op(%rip), %rdx\nLABEL ftrace_call\n",
        {
            PLAIN: {
                **{f"arguments.{name}.op": (f"&{name}", "&function_trace_op") for name in ("probe", "live")},
                "cost.instructions": 1,
            }
        },
    ),
    Edit(
        "return value lost",
        "x86_64",
        "        mov     PT_dx(%rsp), %rdx                       // rdx = fregs->dx\n",
        "",
        {HANDLER: {"registers.rdx": (RIGHT, LOST), "cost.instructions": -1}},
    ),
    Edit(
        "a cheaper return_to_handler",
        "x86_64",
        "        mov     %rbp, PT_bp(%rsp)                       // fregs->bp = rbp\n        mov     %rdi, PT_sp",
        "        mov     %rdi, PT_sp",
        {HANDLER: {"argument.bp": ("rbp", "not passed"), "cost.instructions": -1, "cost.stores": -1}},
    ),
    Edit(
        "static chain lost",
        "arm",
        "        push    {r0-r3, lr}\n        ldr     r1, [sp, #FRAME_parent]         // parent_ip = parent\n",
        "        push    {r0-r3, lr}\n        mov     r7, #0\n        ldr     r1, [sp, #FRAME_parent]\n",
        {PLAIN: {"registers.r7": (RIGHT, LOST), "cost.instructions": 1}},
    ),
    Edit(
        "parent_ip is something else",
        "arm",
        "        ldr     r1, [sp, #PT_lr]                // parent_ip = parent\n",
        "        ldr     r1, [sp, #PT_pc]\n",
        {REGS: {f"arguments.{name}.parent_ip": ("parent", "rec->ip+4") for name in ("kprobe", "probe", "second")}},
    ),
    Edit(
        "one instruction less behind the graph tracer",
        "arm",
        "        mov     lr, r0                          // lr = the return address that was replaced\n"
        "        pop     {r0-r3}\n        bx      lr\n",
        "        mov     ip, r0\n        pop     {r0-r3}\n        bx      ip\n",
        {},
    ),
)


def told(difference: Difference) -> dict[str, dict[str, tuple[str, str] | int]]:
    """All changes by entry, wherever they were seen."""
    found: dict[str, dict[str, tuple[str, str] | int]] = {}
    for hunk in difference.hunks:
        for change in hunk.changes:
            found.setdefault(hunk.entry, {})[change.fact] = _said(change)
    return found


def _said(change: Change) -> tuple[str, str] | int:
    if not change.fact.startswith("cost."):
        return change.old, change.new
    (difference,) = {
        int(new) - int(old) for old, new in zip(change.old.split(", "), change.new.split(", "), strict=True)
    }
    return difference


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_shows_what_changed_and_nothing_else(
    edit: Edit, ours: Callable[[str, str], Side], edited: Callable[..., Side]
) -> None:
    difference = compare(ours(edit.arch, "6.12"), edited(edit.arch, "6.12", (edit.old, edit.new)))
    assert told(difference) == edit.told
    assert (difference.gone, difference.come, difference.findings) == ({}, {}, ())
