// SPDX-License-Identifier: GPL-2.0-only
// The NOP that the core patches is jumped over where all registers were saved.
//
// Variant: 6.1
// Breaks: G1

        .set    OWN_BEHIND_REGS, 1

        .macro BEHIND_REGS
        b       1f
LABEL ftrace_graph_regs_call
        mov     r0, r0
1:
        .endm

        .include "tiny-6.S"
