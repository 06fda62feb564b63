// SPDX-License-Identifier: GPL-2.0-only
// r9 is loaded when the room has been given up already.
//
// Variant: 6.12
// Breaks: U3

        .set    OWN_LEAVE, 1

        .macro LEAVE
        lea     AREA(%rsp), %rsp
        mov     PT_r9-AREA(%rsp), %r9
        .endm

        .include "tiny-6.S"
