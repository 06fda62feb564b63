// SPDX-License-Identifier: GPL-2.0-only
// The parent's address is read and written back, whoever it belongs to by then.
//
// Variant: 6.12
// Keeps: T3

        .set    OWN_LOAD, 1

        .macro LOAD
        mov     20(%esp), %eax
        mov     %eax, 20(%esp)
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        .endm

        .include "tiny-6.S"
