// SPDX-License-Identifier: GPL-2.0-only
// Arithmetic flags may change.
//
// Variant: 6.1
// Keeps: T4

        .set    OWN_LEAVE, 1

        .macro LEAVE
        pop     {r0-r3, ip, lr}
        cmp     ip, lr
        bx      ip
        .endm

        .include "tiny-6.S"
