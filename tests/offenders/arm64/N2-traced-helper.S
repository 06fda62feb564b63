// SPDX-License-Identifier: GPL-2.0-only
// A function that can be traced is called on the way to the callback.
//
// Variant: 6.12
// Breaks: N2
// So also: C0, G1, T2, U1

        .set    OWN_RECORD, 1

        .macro RECORD
        stp     x0, x1, [sp, #-48]!
        stp     x2, x11, [sp, #16]
        bl      vfs_write
        ldp     x2, x11, [sp, #16]
        ldp     x0, x1, [sp], #48
        mov     x3, sp
        .endm

        .include "tiny-6.S"
