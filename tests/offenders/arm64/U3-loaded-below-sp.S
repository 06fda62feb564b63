// SPDX-License-Identifier: GPL-2.0-only
// sp is raised before the last load.
//
// Variant: 6.12
// Breaks: U3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x30, [sp, #FREGS_lr]
        add     sp, sp, #FREGS_SIZE + 32
        ldr     x12, [sp, #FREGS_pc - FREGS_SIZE - 32]
        ret     x12
        .endm

        .include "tiny-6.S"
