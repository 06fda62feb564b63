// SPDX-License-Identifier: GPL-2.0-only
// The NOP that the core patches is reached by a branch.
//
// Variant: 6.1
// Keeps: G1

        .set    OWN_BEHIND_REGS, 1

        .macro BEHIND_REGS
        b       ftrace_graph_regs_call
        nop
LABEL ftrace_graph_regs_call
        mov     r0, r0
        .endm

        .include "tiny-6.S"
