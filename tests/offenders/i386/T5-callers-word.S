// SPDX-License-Identifier: GPL-2.0-only
// A word of the caller's frame is used to keep something in.
//
// Variant: 6.12
// Breaks: T5
// So also: G4

        .set    OWN_LOAD, 1

        .macro LOAD
        mov     %eax, 24(%esp)
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        .endm

        .include "tiny-6.S"
