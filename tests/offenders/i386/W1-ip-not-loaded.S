// SPDX-License-Identifier: GPL-2.0-only
// regs->ip is never looked at again.
//
// Variant: 6.12
// Breaks: W1
// So also: T2

        .set    OWN_LOAD_IP, 1

        .macro LOAD_IP
        mov     AREA(%esp), %ecx
        .endm

        .include "tiny-6.S"
