// SPDX-License-Identifier: GPL-2.0-only
// The jump over the call is there for a stack pointer of 0, which no function has.
//
// Variant: 6.12
// Keeps: C0

        .set    OWN_CALLING, 1

        .macro CALLING
        test    %esp, %esp
        jz      4f
        .endm

        .set    OWN_LOAD, 1

        .macro LOAD
4:
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        .endm

        .include "tiny-6.S"
