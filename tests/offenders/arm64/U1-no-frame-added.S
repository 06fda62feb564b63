// SPDX-License-Identifier: GPL-2.0-only
// Behind mcount no frame is put in front of the function's.
//
// Variant: 6.1-mcount
// Breaks: U1

        .set    OWN_FRAME, 1

        .macro FRAME
        stp     x29, x30, [sp, #-16]!
        .endm

        .include "tiny-mcount.S"
