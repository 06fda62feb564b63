// SPDX-License-Identifier: GPL-2.0-only
// edx is not loaded back: the function's second argument is what the callback left in it.
//
// Variant: 6.12
// Breaks: T1
// So also: G3

        .set    OWN_LOAD, 1

        .macro LOAD
        lea     4(%esp), %esp
        lea     4(%esp), %esp
        pop     %ecx
        pop     %eax
        .endm

        .include "tiny-6.S"
