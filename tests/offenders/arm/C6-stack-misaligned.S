// SPDX-License-Identifier: GPL-2.0-only
// One word more is pushed, and sp is no multiple of 8 where C is called.
//
// Variant: 6.1
// Breaks: C6

        .set    OWN_RECORD, 1

        .macro RECORD
        mov     r3, #0
        sub     sp, sp, #4
        .endm

        .set    OWN_BEHIND, 1

        .macro BEHIND
        add     sp, sp, #4
LABEL ftrace_graph_call
        mov     r0, r0
        .endm

        .include "tiny-6.S"
