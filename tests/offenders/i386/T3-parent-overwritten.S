// SPDX-License-Identifier: GPL-2.0-only
// The word above the function's return address is not the trampoline's to keep anything in.
//
// Variant: 6.12
// Breaks: T3
// So also: C2, G2, G4

        .set    OWN_LOAD, 1

        .macro LOAD
        mov     16(%esp), %eax
        mov     %eax, 20(%esp)                          // one word too high
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        .endm

        .include "tiny-6.S"
