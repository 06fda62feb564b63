// SPDX-License-Identifier: GPL-2.0-only
// The unwinder begins at sp as it is behind the site's push, and takes another word for the saved lr.
//
// Variant: 6.1
// Breaks: G2
// So also: T3, T5

        .set    OWN_GRAPH_ARGUMENTS, 1

        .macro GRAPH_ARGUMENTS return, parent, size
        add     r0, sp, #\parent
        ldr     r1, [sp, #\return]
        sub     r1, r1, #4
        mov     r2, fp
        add     r3, sp, #\size - 4
        .endm

        .include "tiny-6.S"
