// SPDX-License-Identifier: GPL-2.0-only
// Arguments are loaded one by one.
//
// Variant: 6.12
// Keeps: T1

        .set    OWN_LOAD, 1

        .macro LOAD
        ldr     x8, [sp, #FREGS_x8]
        ldr     x1, [sp, #FREGS_x1]
        ldr     x0, [sp, #FREGS_x0]
        ldp     x2, x3, [sp, #FREGS_x2]
        ldp     x4, x5, [sp, #FREGS_x4]
        ldr     x7, [sp, #FREGS_x7]
        ldr     x6, [sp, #FREGS_x6]
        ldr     x29, [sp, #FREGS_fp]
        .endm

        .include "tiny-6.S"
