// SPDX-License-Identifier: GPL-2.0-only
// The last word of the room is kept, and taken for the address to return to.
//
// Variant: 6.12
// Breaks: T2
// So also: W1

        .set    OWN_LEAVE, 1

        .macro LEAVE
        lea     AREA-8(%rsp), %rsp
        .endm

        .include "tiny-6.S"
