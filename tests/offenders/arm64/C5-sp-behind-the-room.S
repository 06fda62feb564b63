// SPDX-License-Identifier: GPL-2.0-only
// sp in the record is the trampoline's, not the site's.
//
// Variant: 6.12
// Breaks: C5

        .set    OWN_SAVE, 1

        .macro SAVE
        sub     sp, sp, #FREGS_SIZE + 32
        stp     x0, x1, [sp, #FREGS_x0]
        stp     x2, x3, [sp, #FREGS_x2]
        stp     x4, x5, [sp, #FREGS_x4]
        stp     x6, x7, [sp, #FREGS_x6]
        stp     x8, xzr, [sp, #FREGS_x8]
        mov     x10, sp
        stp     x29, x9, [sp, #FREGS_fp]
        stp     x10, x30, [sp, #FREGS_sp]
        .endm

        .include "tiny-6.S"
