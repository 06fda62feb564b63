// SPDX-License-Identifier: GPL-2.0-only
// The unwinder's stack pointer is made in two steps.
//
// Variant: 6.1
// Keeps: G2

        .set    OWN_GRAPH_ARGUMENTS, 1

        .macro GRAPH_ARGUMENTS return, parent, size
        add     r0, sp, #\parent
        ldr     r1, [sp, #\return]
        sub     r1, r1, #4
        mov     r2, fp
        add     r3, sp, #\size - 4
        add     r3, r3, #4
        .endm

        .include "tiny-6.S"
