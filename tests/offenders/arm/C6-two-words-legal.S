// SPDX-License-Identifier: GPL-2.0-only
// Two words more are pushed.
//
// Variant: 6.1
// Keeps: C6

        .set    OWN_RECORD, 1

        .macro RECORD
        mov     r3, #0
        sub     sp, sp, #8
        .endm

        .set    OWN_BEHIND, 1

        .macro BEHIND
        add     sp, sp, #8
LABEL ftrace_graph_call
        mov     r0, r0
        .endm

        .include "tiny-6.S"
