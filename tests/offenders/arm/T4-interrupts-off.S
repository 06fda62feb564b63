// SPDX-License-Identifier: GPL-2.0-only
// Interrupts are off behind ftrace_caller.
//
// Variant: 6.1
// Breaks: T4
// So also: C6

        .set    OWN_LEAVE, 1

        .macro LEAVE
        pop     {r0-r3, ip, lr}
        cpsid   i
        bx      ip
        .endm

        .include "tiny-6.S"
