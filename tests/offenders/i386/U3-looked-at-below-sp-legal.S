// SPDX-License-Identifier: GPL-2.0-only
// Something is loaded from below sp, and not used.
//
// Variant: 6.12
// Keeps: U3

        .set    OWN_LOAD, 1

        .macro LOAD
        mov     12(%esp), %eax
        mov     4(%esp), %edx
        mov     8(%esp), %ecx
        lea     16(%esp), %esp
        push    %eax
        mov     -8(%esp), %eax
        pop     %eax
        .endm

        .include "tiny-6.S"
