// SPDX-License-Identifier: GPL-2.0-only
// lr is the address to return to, not the parent's.
//
// Variant: 6.1
// Breaks: T3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        pop     {r0-r3, lr}
        add     sp, sp, #4
        bx      lr
        .endm

        .include "tiny-6.S"
