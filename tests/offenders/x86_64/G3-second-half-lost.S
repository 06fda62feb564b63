// SPDX-License-Identifier: GPL-2.0-only
// The second half of a return value of two words is not loaded back.
//
// Variant: 6.12
// Breaks: G3

        .set    OWN_EXIT, 1

        .macro EXIT
        sub     $PT_SIZE+8, %rsp
        mov     %rax, PT_ax(%rsp)
        mov     %rdx, PT_dx(%rsp)
        mov     %rbp, PT_bp(%rsp)
        lea     PT_SIZE+8(%rsp), %rdi
        mov     %rdi, PT_sp(%rsp)
        mov     %rsp, %rdi
        call    ftrace_return_to_handler
        mov     %rax, %rdi
        mov     PT_ax(%rsp), %rax
        add     $PT_SIZE+8, %rsp
        call    3f
        int3
3:      mov     %rdi, (%rsp)
        ret
        .endm

        .include "tiny-6.S"
