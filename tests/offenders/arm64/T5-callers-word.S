// SPDX-License-Identifier: GPL-2.0-only
// A word of the function's caller is written to.
//
// Variant: 6.12
// Breaks: T5
// So also: G4

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x30, [sp, #FREGS_lr]
        ldr     x12, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE + 32
        str     x12, [sp, #16]
        ret     x12
        .endm

        .include "tiny-6.S"
