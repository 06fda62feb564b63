// SPDX-License-Identifier: GPL-2.0-only
// regs->pc is put elsewhere before it is used.
//
// Variant: 6.1
// Keeps: W1

        .set    OWN_LEAVE_REGS, 1

        .macro LEAVE_REGS
        ldr     ip, [sp, #PT_pc]
        str     ip, [sp, #PT_cpsr]
        ldm     sp, {r0-r12}
        ldr     lr, [sp, #PT_lr]
        add     sp, sp, #PT_cpsr
        ldr     pc, [sp], #PT_SIZE - PT_cpsr
        .endm

        .include "tiny-6.S"
