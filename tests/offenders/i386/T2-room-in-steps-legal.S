// SPDX-License-Identifier: GPL-2.0-only
// The room goes in two steps.
//
// Variant: 6.12
// Keeps: T2

        .set    OWN_LOAD, 1

        .macro LOAD
        mov     12(%esp), %eax
        mov     8(%esp), %ecx
        mov     4(%esp), %edx
        lea     12(%esp), %esp
        lea     4(%esp), %esp
        .endm

        .include "tiny-6.S"
