// SPDX-License-Identifier: GPL-2.0-only
// The trampoline returns to the address that it was called with.
//
// Variant: 6.12
// Breaks: W1
// So also: T2

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     x30, [sp, #FREGS_lr]
        ldr     x12, [sp, #FREGS_SIZE + 8]
        add     sp, sp, #FREGS_SIZE + 32
        ret     x12
        .endm

        .include "tiny-6.S"
