// SPDX-License-Identifier: GPL-2.0-only
// The address of the direct trampoline goes by way of another register.
//
// Variant: 6.12
// Keeps: W2

        .set    OWN_DIRECT, 1

        .macro DIRECT
        mov     x16, x17
        ldr     x9, [sp, #FREGS_lr]
        ldr     x30, [sp, #FREGS_pc]
        add     sp, sp, #FREGS_SIZE + 32
        br      x16
        .endm

        .include "tiny-6.S"
