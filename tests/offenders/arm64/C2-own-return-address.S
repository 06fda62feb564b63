// SPDX-License-Identifier: GPL-2.0-only
// parent_ip is where the trampoline itself returns to.
//
// Variant: 6.12
// Breaks: C2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS
        sub     x0, x30, #4
        mov     x1, x30
        mov     x2, x11
        .endm

        .include "tiny-6.S"
