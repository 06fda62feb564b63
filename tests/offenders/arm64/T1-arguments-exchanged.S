// SPDX-License-Identifier: GPL-2.0-only
// Two arguments change places.
//
// Variant: 6.12
// Breaks: T1
// So also: G3, W1, W2

        .set    OWN_LOAD, 1

        .macro LOAD
        ldp     x1, x0, [sp, #FREGS_x0]
        ldp     x2, x3, [sp, #FREGS_x2]
        ldp     x4, x5, [sp, #FREGS_x4]
        ldp     x6, x7, [sp, #FREGS_x6]
        ldr     x8, [sp, #FREGS_x8]
        ldr     x29, [sp, #FREGS_fp]
        .endm

        .include "tiny-6.S"
