// SPDX-License-Identifier: GPL-2.0-only
// A word of the caller's frame is looked at, and nothing more.
//
// Variant: 6.12
// Keeps: T5

        .set    OWN_LOAD, 1

        .macro LOAD
        mov     24(%esp), %eax
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        .endm

        .include "tiny-6.S"
