// SPDX-License-Identifier: GPL-2.0-only
// The way back goes over a return that no call belongs to.
//
// Variant: 6.12
// Breaks: H2

        .set    OWN_LOAD, 1

        .macro LOAD
        lea     4(%esp), %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        push    $4f
        ret
4:
        .endm

        .include "tiny-6.S"
