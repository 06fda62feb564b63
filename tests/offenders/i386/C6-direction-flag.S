// SPDX-License-Identifier: GPL-2.0-only
// C functions are called with the direction flag set.
//
// Variant: 6.12
// Breaks: C6

        .set    OWN_CALLING, 1

        .macro CALLING
        std
        .endm

        .set    OWN_LOAD, 1

        .macro LOAD
        cld
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        .endm

        .include "tiny-6.S"
