// SPDX-License-Identifier: GPL-2.0-only
// r8 is saved for the callback to see, and not loaded back: C has kept it, but a write to it is lost.
//
// Variant: 6.1
// Breaks: W2
// So also: W1

        .set    OWN_LEAVE_REGS, 1

        .macro LEAVE_REGS
        str     r8, [sp, #PT_r8]
        ldm     sp, {r0-r12}
        ldr     lr, [sp, #PT_lr]
        add     sp, sp, #PT_pc
        ldr     pc, [sp], #PT_SIZE - PT_pc
        .endm

        .include "tiny-6.S"
