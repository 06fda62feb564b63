// SPDX-License-Identifier: GPL-2.0-only
// The jump over the call is there for a stack pointer of 0, which no function has.
//
// Variant: 6.1
// Keeps: C0

        .set    OWN_RECORD, 1

        .macro RECORD
        mov     r3, #0
        cmp     sp, #0
        beq     1f
        .endm

        .set    OWN_BEHIND, 1

        .macro BEHIND
1:
LABEL ftrace_graph_call
        mov     r0, r0
        .endm

        .include "tiny-6.S"
