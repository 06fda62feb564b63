// SPDX-License-Identifier: GPL-2.0-only
// A member is not loaded back, but taken from elsewhere.
//
// Variant: 6.12
// Breaks: W2
// So also: W1

        .set    OWN_LOAD, 1

        .macro LOAD
        ldp     x0, x1, [sp, #FREGS_x0]
        ldp     x2, x3, [sp, #FREGS_x2]
        ldp     x4, x5, [sp, #FREGS_x4]
        ldp     x6, x7, [sp, #FREGS_x6]
        ldr     x8, [sp, #FREGS_x8]
        ldr     x29, [sp, #FREGS_SIZE + 16]
        .endm

        .include "tiny-6.S"
