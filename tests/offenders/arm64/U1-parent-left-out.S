// SPDX-License-Identifier: GPL-2.0-only
// The function's frame is not made, so that its parent is missing.
//
// Variant: 6.12
// Breaks: U1

        .set    OWN_FRAMES, 1

        .macro FRAMES
        stp     x29, x30, [sp, #FREGS_SIZE]
        add     x29, sp, #FREGS_SIZE
        .endm

        .include "tiny-6.S"
