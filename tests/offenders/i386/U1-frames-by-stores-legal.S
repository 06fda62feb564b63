// SPDX-License-Identifier: GPL-2.0-only
// The frames are stored, not pushed.
//
// Variant: 6.12-fp
// Keeps: U1

        .set    OWN_FRAMES, 1

        .macro FRAMES
        push    4(%esp)                                 // parent_ip
        lea     -4(%esp), %esp
        mov     %ebp, (%esp)
        lea     (%esp), %ebp
        push    8(%esp)                                 // rip
        lea     -4(%esp), %esp
        mov     %ebp, (%esp)
        lea     (%esp), %ebp
        .endm

        .include "tiny-6.S"
