// SPDX-License-Identifier: GPL-2.0-only
// Interrupts stay off.
//
// Variant: 6.12
// Breaks: T4
// So also: C6, W1

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x30, [sp, #FREGS_lr]
        ldr     x12, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE + 32
        msr     daifset, #2
        ret     x12
        .endm

        .include "tiny-6.S"
