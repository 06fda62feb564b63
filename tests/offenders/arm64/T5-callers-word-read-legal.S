// SPDX-License-Identifier: GPL-2.0-only
// A word of the function's caller is read.
//
// Variant: 6.12
// Keeps: T5

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x30, [sp, #FREGS_lr]
        ldr     x12, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE + 32
        ldr     x10, [sp, #16]
        ret     x12
        .endm

        .include "tiny-6.S"
