// SPDX-License-Identifier: GPL-2.0-only
// A member is written twice; the second value is right.
//
// Variant: 6.12
// Keeps: C5

        .set    OWN_SAVE, 1

        .macro SAVE
        mov     x10, sp
        sub     sp, sp, #FREGS_SIZE + 32
        stp     x0, x1, [sp, #FREGS_x0]
        stp     x2, x2, [sp, #FREGS_x2]
        str     x3, [sp, #FREGS_x3]
        stp     x4, x5, [sp, #FREGS_x4]
        stp     x6, x7, [sp, #FREGS_x6]
        str     x8, [sp, #FREGS_x8]
        str     xzr, [sp, #FREGS_direct_tramp]
        stp     x29, x9, [sp, #FREGS_fp]
        stp     x10, x30, [sp, #FREGS_sp]
        .endm

        .include "tiny-6.S"
