// SPDX-License-Identifier: GPL-2.0-only
// A word of the caller's frame is looked at, and nothing more.
//
// Variant: 6.12
// Keeps: T5

        .set    OWN_LEAVE, 1

        .macro LEAVE
        mov     AREA+24(%rsp), %r11
        lea     AREA(%rsp), %rsp
        .endm

        .include "tiny-6.S"
