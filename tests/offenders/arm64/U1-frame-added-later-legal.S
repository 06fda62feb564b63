// SPDX-License-Identifier: GPL-2.0-only
// Behind mcount the frame is made before the frame pointer leads to it.
//
// Variant: 6.1-mcount
// Keeps: U1

        .set    OWN_FRAME, 1

        .macro FRAME
        sub     sp, sp, #16
        stp     x29, x30, [sp]
        add     x29, sp, #0
        .endm

        .include "tiny-mcount.S"
