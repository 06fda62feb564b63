// SPDX-License-Identifier: GPL-2.0-only
// A function that cannot be traced is called on the way to the callback.
//
// Variant: 6.12
// Keeps: N2

        .set    OWN_RECORD, 1

        .macro RECORD
        stp     x0, x1, [sp, #-48]!
        stp     x2, x11, [sp, #16]
        bl      helper
        ldp     x2, x11, [sp, #16]
        ldp     x0, x1, [sp], #48
        mov     x3, sp
        .endm

        .include "tiny-6.S"

helper:
        mov     x10, x30
        ret     x10
