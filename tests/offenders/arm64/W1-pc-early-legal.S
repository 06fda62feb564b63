// SPDX-License-Identifier: GPL-2.0-only
// pc is loaded before the other registers.
//
// Variant: 6.12
// Keeps: W1

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldp     x10, x12, [sp, #FREGS_sp]
        ldr     x30, [sp, #FREGS_lr]
        add     sp, sp, #FREGS_SIZE + 32
        ret     x12
        .endm

        .include "tiny-6.S"
