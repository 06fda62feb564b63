// SPDX-License-Identifier: GPL-2.0-only
// rbx is loaded only where a callback has changed it.
//
// Variant: 6.12
// Keeps: W2

        .set    OWN_LOAD_REST, 1

        .macro LOAD_REST
        mov     PT_flags(%rsp), %rax
        mov     %rax, AREA(%rsp)
        .irp    register, r15, r14, r13, r12, r10
        mov     PT_\register(%rsp), %\register
        .endr
        cmp     PT_bx(%rsp), %rbx
        je      5f
        mov     PT_bx(%rsp), %rbx
5:
        .endm

        .include "tiny-6.S"
