// SPDX-License-Identifier: GPL-2.0-only
// The second half is in a register that C keeps.
//
// Variant: 6.12
// Keeps: G3

        .set    OWN_EXIT, 1

        .macro EXIT
        push    %rbx
        sub     $PT_SIZE, %rsp
        mov     %rdx, %rbx
        mov     %rax, PT_ax(%rsp)
        mov     %rdx, PT_dx(%rsp)
        mov     %rbp, PT_bp(%rsp)
        lea     PT_SIZE+8(%rsp), %rdi
        mov     %rdi, PT_sp(%rsp)
        mov     %rsp, %rdi
        call    ftrace_return_to_handler
        mov     %rax, %rdi
        mov     PT_ax(%rsp), %rax
        mov     %rbx, %rdx
        add     $PT_SIZE, %rsp
        pop     %rbx
        call    3f
        int3
3:      mov     %rdi, (%rsp)
        ret
        .endm

        .include "tiny-6.S"
