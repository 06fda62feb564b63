// SPDX-License-Identifier: GPL-2.0-only
// Interrupts are off behind ftrace_caller.
//
// Variant: 6.12
// Breaks: T4
// So also: C6

        .set    OWN_LOAD, 1

        .macro LOAD
        cli
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        .endm

        .include "tiny-6.S"
