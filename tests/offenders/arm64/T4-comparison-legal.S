// SPDX-License-Identifier: GPL-2.0-only
// Arithmetic flags are free.
//
// Variant: 6.12
// Keeps: T4

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x30, [sp, #FREGS_lr]
        ldr     x12, [sp, #FREGS_pc]
        cmp     x12, x30
        add     sp, sp, #FREGS_SIZE + 32
        ret     x12
        .endm

        .include "tiny-6.S"
