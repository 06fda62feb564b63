// SPDX-License-Identifier: GPL-2.0-only
// ip is the address behind the site's call, not the record's.
//
// Variant: 6.12
// Breaks: C1
// So also: C0, G2, T2, W2

        .set    OWN_ARGUMENTS, 1

        .macro ARGUMENTS
        mov     x0, x30
        mov     x1, x9
        mov     x2, x11
        .endm

        .include "tiny-6.S"
