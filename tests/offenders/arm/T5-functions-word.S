// SPDX-License-Identifier: GPL-2.0-only
// A word of the traced function's frame is used to keep the way back in.
//
// Variant: 6.1
// Breaks: T5

        .set    OWN_LEAVE, 1

        .macro LEAVE
        pop     {r0-r3, ip, lr}
        str     ip, [sp]
        bx      ip
        .endm

        .include "tiny-6.S"
