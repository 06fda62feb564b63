// SPDX-License-Identifier: GPL-2.0-only
// op goes by way of another register.
//
// Variant: 6.12
// Keeps: C3

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS
        mov     x10, x11
        sub     x0, x30, #4
        mov     x1, x9
        mov     x2, x10
        .endm

        .include "tiny-6.S"
