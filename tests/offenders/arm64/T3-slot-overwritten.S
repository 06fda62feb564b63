// SPDX-License-Identifier: GPL-2.0-only
// The word that the function returns through gets the address behind the site.
//
// Variant: 6.1-mcount
// Breaks: T3
// So also: G2

        .set    OWN_LEAVE, 1

        .macro LEAVE
        ldp     x29, x30, [sp], #16
        str     x30, [x29, #8]
        ret
        .endm

        .include "tiny-mcount.S"
