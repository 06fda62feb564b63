// SPDX-License-Identifier: GPL-2.0-only
// prepare_ftrace_return() gets the address of a copy of the return address.
//
// Variant: 6.12
// Breaks: G2
// So also: T2, W1

        .set    OWN_GRAPH_ARGUMENTS, 1

        .macro GRAPH_ARGUMENTS
        mov     16(%esp), %edx
        push    %edx
        mov     %esp, %edx
        mov     16(%esp), %eax
        sub     $5, %eax
        .endm

        .include "tiny-6.S"
