// SPDX-License-Identifier: GPL-2.0-only
// op is where the site's pointer is, not what it points to.
//
// Variant: 6.12
// Breaks: C3

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS
        sub     x0, x30, #4
        mov     x1, x9
        and     x2, x30, #~7
        sub     x2, x2, #16
        .endm

        .include "tiny-6.S"
