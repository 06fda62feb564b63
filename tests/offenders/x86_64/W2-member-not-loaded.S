// SPDX-License-Identifier: GPL-2.0-only
// rbx is saved for the callback to see, and not loaded back: C has kept it, but a write to it is lost.
//
// Variant: 6.12
// Breaks: W2
// So also: W1

        .set    OWN_LOAD_REST, 1

        .macro LOAD_REST
        mov     PT_flags(%rsp), %rax
        mov     %rax, AREA(%rsp)
        .irp    register, r15, r14, r13, r12, r10
        mov     PT_\register(%rsp), %\register
        .endr
        .endm

        .include "tiny-6.S"
