// SPDX-License-Identifier: GPL-2.0-only
// The address of the return address is made in another way.
//
// Variant: 6.12
// Keeps: G2

        .set    OWN_GRAPH_ARGUMENTS, 1

        .macro GRAPH_ARGUMENTS
        mov     %esp, %edx
        add     $16, %edx
        mov     12(%esp), %eax
        sub     $5, %eax
        .endm

        .include "tiny-6.S"
