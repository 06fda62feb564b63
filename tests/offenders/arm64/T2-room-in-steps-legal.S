// SPDX-License-Identifier: GPL-2.0-only
// The room is given back in two steps.
//
// Variant: 6.12
// Keeps: T2

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x30, [sp, #FREGS_lr]
        ldr     x12, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE
        add     sp, sp, #32
        ret     x12
        .endm

        .include "tiny-6.S"
