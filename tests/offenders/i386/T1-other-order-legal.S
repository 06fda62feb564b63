// SPDX-License-Identifier: GPL-2.0-only
// The registers are loaded in another order.
//
// Variant: 6.12
// Keeps: T1

        .set    OWN_LOAD, 1

        .macro LOAD
        mov     12(%esp), %eax
        mov     4(%esp), %edx
        mov     8(%esp), %ecx
        lea     16(%esp), %esp
        .endm

        .include "tiny-6.S"
