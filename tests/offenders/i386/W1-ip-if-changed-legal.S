// SPDX-License-Identifier: GPL-2.0-only
// regs->ip is loaded only where a callback has changed it.
//
// Variant: 6.12
// Keeps: W1

        .set    OWN_LOAD_IP, 1

        .macro LOAD_IP
        mov     AREA(%esp), %ecx
        cmp     PT_ip(%esp), %ecx
        je      4f
        mov     PT_ip(%esp), %ecx
4:
        .endm

        .include "tiny-6.S"
