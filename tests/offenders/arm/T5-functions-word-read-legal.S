// SPDX-License-Identifier: GPL-2.0-only
// A word of the traced function's frame is looked at, and nothing more.
//
// Variant: 6.1
// Keeps: T5

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldr     ip, [sp, #24]
        pop     {r0-r3, ip, lr}
        bx      ip
        .endm

        .include "tiny-6.S"
