// SPDX-License-Identifier: GPL-2.0-only
// The way back is kept in r11, which C keeps, beside the record: regs->pc is never looked at again.
//
// Variant: 6.1
// Breaks: W1
// So also: T2

        .set    OWN_SAVE_REGS, 1

        .macro SAVE_REGS
        sub     sp, sp, #PT_ORIG_r0
        stm     sp, {r0-r12}
        str     lr, [sp, #PT_pc]
        str     lr, [sp, #PT_cpsr]                      // the way back, where no callback writes
        ldr     lr, [sp, #PT_ORIG_r0]
        str     lr, [sp, #PT_lr]
        str     r0, [sp, #PT_ORIG_r0]
        add     lr, sp, #PT_SIZE
        str     lr, [sp, #PT_sp]
        .endm

        .set    OWN_LEAVE_REGS, 1

        .macro LEAVE_REGS
        ldm     sp, {r0-r12}
        ldr     lr, [sp, #PT_lr]
        add     sp, sp, #PT_cpsr
        ldr     pc, [sp], #PT_SIZE - PT_cpsr
        .endm

        .include "tiny-6.S"
