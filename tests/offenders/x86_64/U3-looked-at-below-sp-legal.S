// SPDX-License-Identifier: GPL-2.0-only
// Something is loaded from below sp, and not used.
//
// Variant: 6.12
// Keeps: U3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        lea     AREA(%rsp), %rsp
        mov     -AREA(%rsp), %r11
        .endm

        .include "tiny-6.S"
