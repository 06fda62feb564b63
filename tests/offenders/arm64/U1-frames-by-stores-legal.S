// SPDX-License-Identifier: GPL-2.0-only
// The frames are made word by word.
//
// Variant: 6.12
// Keeps: U1

        .set    OWN_FRAMES, 1

        .macro FRAMES
        str     x9, [sp, #FREGS_SIZE + 24]
        str     x29, [sp, #FREGS_SIZE + 16]
        add     x12, sp, #FREGS_SIZE + 16
        str     x30, [sp, #FREGS_SIZE + 8]
        str     x12, [sp, #FREGS_SIZE]
        add     x29, sp, #FREGS_SIZE
        .endm

        .include "tiny-6.S"
