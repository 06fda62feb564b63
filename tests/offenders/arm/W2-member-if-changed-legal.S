// SPDX-License-Identifier: GPL-2.0-only
// r8 is loaded only where a callback has changed it.
//
// Variant: 6.1
// Keeps: W2

        .set    OWN_LEAVE_REGS, 1

        .macro LEAVE_REGS
        ldr     r0, [sp, #PT_r8]
        cmp     r0, r8
        movne   r8, r0
        str     r8, [sp, #PT_r8]
        ldm     sp, {r0-r12}
        ldr     lr, [sp, #PT_lr]
        add     sp, sp, #PT_pc
        ldr     pc, [sp], #PT_SIZE - PT_pc
        .endm

        .include "tiny-6.S"
