// SPDX-License-Identifier: GPL-2.0-only
// The second half is in a register that C keeps.
//
// Variant: 6.12
// Keeps: G3

        .set    OWN_EXIT, 1

        .macro EXIT
        push    %ebx
        mov     %edx, %ebx
        sub     $PT_SIZE, %esp
        mov     %eax, PT_ax(%esp)
        mov     %edx, PT_dx(%esp)
        movl    $0, PT_bp(%esp)
        mov     %esp, %eax
        call    ftrace_return_to_handler
        mov     %eax, %ecx
        mov     PT_ax(%esp), %eax
        mov     %ebx, %edx
        add     $PT_SIZE, %esp
        pop     %ebx
        jmp     *%ecx
        .endm

        .include "tiny-6.S"
