// SPDX-License-Identifier: GPL-2.0-only
// ip is found in two steps.
//
// Variant: 6.12
// Keeps: C1

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS
        add     x0, x30, #4
        mov     x1, x9
        sub     x0, x0, #8
        mov     x2, x11
        .endm

        .include "tiny-6.S"
