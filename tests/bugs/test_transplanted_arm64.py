# SPDX-License-Identifier: GPL-2.0-only
"""Bugs of other architectures, and of arm64 at other times, as slips in our arm64 trampolines and sites.

Each: (where the idea is from, variants, the clause, what is wrong, file or "", (old, new)...).
"""

from __future__ import annotations

ARCH = "arm64"
PARENT = "        ldr     x30, [sp, #FREGS_lr]\n        ldr     x9, [sp, #FREGS_pc]\n"
RAISED = "        add     sp, sp, #STACK_SIZE                     // fregs->sp is not loaded\n"
LAST = "        ldr     x9, [sp, #FREGS_pc]\n" + RAISED
LITERAL = "        ldr     x11, [x11, #OPS_LITERAL]                // op = the site's\n"
OUR_FRAME = "        stp     x29, x30, [sp, #FRAME_ours]             // and ours\n"
LATE = "LABEL ftrace_caller_direct_late\n        ldr     x9, [sp, #FREGS_lr]"

TRANSPLANTS = [
    # -- what is to survive -------------------------------------------------------------------------------------------
    (
        "ARM-01",
        "6.12 6.12-cfi",
        "T3",
        "lr is loaded from the slot of pc",
        "",
        (PARENT, PARENT.replace("x30, [sp, #FREGS_lr]", "x30, [sp, #FREGS_pc]")),
    ),
    (
        "CS-01",
        "6.12 6.12-cfi",
        "U3",
        "sp is raised before the last load",
        "",
        (LAST, RAISED + "        ldr     x9, [sp, #FREGS_pc - STACK_SIZE]\n"),
    ),
    (
        "S390",
        "6.1",
        "T1",
        "x6 and x7 come back from each other's slots",
        "",
        ("        ldp     x6, x7, [sp, #PT_x6]", "        ldp     x7, x6, [sp, #PT_x6]"),
    ),
    (
        "MIPS",
        "6.12",
        "W2",
        "a direct trampoline gets its own return address for the parent's",
        "",
        (LATE, LATE.replace("FREGS_lr", "FREGS_pc")),
    ),
    # -- what a callback gets -----------------------------------------------------------------------------------------
    (
        "PPC-21",
        "6.1 6.12 6.12-cfi",
        "C1",
        "ip is one instruction off",
        "",
        (".set    MCOUNT_INSN_SIZE, 4", ".set    MCOUNT_INSN_SIZE, 8"),
    ),
    (
        "A64",
        "6.12",
        "T2",
        "the site's ops is looked for one word too early",
        "",
        ("OPS_LITERAL, -16", "OPS_LITERAL, -24"),
    ),
    (
        "A64",
        "6.12-bti",
        "T2",
        "a landing pad before the site is not reckoned with",
        "",
        ("        bic     x11, x30, #7   ", "        mov     x11, x30       "),
    ),
    (
        "RV-12",
        "6.1 6.1-bti",
        "C5",
        "sp in the record is that behind the room for it",
        "",
        ("        add     x10, sp, #STACK_SIZE\n", "        mov     x10, sp\n"),
    ),
    # -- what an unwinder sees ----------------------------------------------------------------------------------------
    (
        "A64",
        "6.12 6.12-cfi",
        "U1",
        "our own frame has no return address",
        "",
        (OUR_FRAME, OUR_FRAME.replace("x30", "xzr")),
    ),
    # -- the graph tracer ---------------------------------------------------------------------------------------------
    (
        "ARM",
        "6.12 6.12-cfi",
        "G4",
        "the handler of returns passes another frame pointer",
        "",
        (
            "        str     x29, [sp, #FREGS_fp]\n        mov     x0, sp\n",
            "        str     x30, [sp, #FREGS_fp]\n        mov     x0, sp\n",
        ),
    ),
]


def test_it_is_caught(bug, file, edits):
    bug.edit(*edits, file=file)
    bug.must_be_caught()
