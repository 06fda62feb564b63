// SPDX-License-Identifier: GPL-2.0-only
// The address to return to is kept in a register that a function preserves.
//
// Variant: 6.12
// Breaks: G4
// So also: G3

        .set    OWN_EXIT, 1

        .macro EXIT
        sub     $PT_SIZE, %esp
        mov     %eax, PT_ax(%esp)
        mov     %edx, PT_dx(%esp)
        movl    $0, PT_bp(%esp)
        mov     %esp, %eax
        call    ftrace_return_to_handler
        mov     %eax, %esi
        mov     PT_ax(%esp), %eax
        mov     PT_dx(%esp), %edx
        add     $PT_SIZE, %esp
        jmp     *%esi
        .endm

        .include "tiny-6.S"
