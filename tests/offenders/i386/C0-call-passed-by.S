// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller jumps over the call that the core patches.
//
// Variant: 6.12
// Breaks: C0

        .set    OWN_CALLING, 1

        .macro CALLING
        jmp     4f
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
