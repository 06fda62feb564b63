// SPDX-License-Identifier: GPL-2.0-only
// ecx is loaded when the room has been given up already.
//
// Variant: 6.12
// Breaks: U3

        .set    OWN_LOAD, 1

        .macro LOAD
        mov     12(%esp), %eax
        mov     4(%esp), %edx
        lea     16(%esp), %esp
        mov     8-16(%esp), %ecx
        .endm

        .include "tiny-6.S"
