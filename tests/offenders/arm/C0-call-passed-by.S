// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller jumps over the call that the core patches.
//
// Variant: 6.1
// Breaks: C0

        .set    OWN_RECORD, 1

        .macro RECORD
        mov     r3, #0
        b       1f
        .endm

        .set    OWN_BEHIND, 1

        .macro BEHIND
1:
LABEL ftrace_graph_call
        mov     r0, r0
        .endm

        .include "tiny-6.S"
