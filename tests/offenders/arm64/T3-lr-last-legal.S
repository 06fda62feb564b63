// SPDX-License-Identifier: GPL-2.0-only
// lr is loaded last, from the frame that was made for the function where nobody has changed it.
//
// Variant: 6.12
// Keeps: T3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x12, [sp, #FREGS_pc]
        ldr     x10, [sp, #FREGS_lr]
        add     sp, sp, #FREGS_SIZE + 32
        mov     x30, x10
        ret     x12
        .endm

        .include "tiny-6.S"
