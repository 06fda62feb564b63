// SPDX-License-Identifier: GPL-2.0-only
// regs->sp is sp behind the site's push, not before it.
//
// Variant: 6.1
// Breaks: C5

        .set    OWN_SAVE_REGS, 1

        .macro SAVE_REGS
        sub     sp, sp, #PT_ORIG_r0
        stm     sp, {r0-r12}
        str     lr, [sp, #PT_pc]
        ldr     lr, [sp, #PT_ORIG_r0]
        str     lr, [sp, #PT_lr]
        str     r0, [sp, #PT_ORIG_r0]
        add     lr, sp, #PT_ORIG_r0
        str     lr, [sp, #PT_sp]
        .endm

        .include "tiny-6.S"
