// SPDX-License-Identifier: GPL-2.0-only
// The last word of the room is kept, and taken for the address to return to.
//
// Variant: 6.12
// Breaks: T2
// So also: G2

        .set    OWN_LOAD, 1

        .macro LOAD
        mov     12(%esp), %eax
        mov     8(%esp), %ecx
        mov     4(%esp), %edx
        lea     12(%esp), %esp
        .endm

        .include "tiny-6.S"
