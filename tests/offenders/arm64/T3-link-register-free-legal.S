// SPDX-License-Identifier: GPL-2.0-only
// Behind mcount the link register is free: the function has saved its own.
//
// Variant: 6.1-mcount
// Keeps: T3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldp     x29, x10, [sp], #16
        mov     x30, #0
        ret     x10
        .endm

        .include "tiny-mcount.S"
