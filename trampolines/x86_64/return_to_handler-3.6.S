// SPDX-License-Identifier: GPL-2.0-only
// return_to_handler; x86_64, 3.6 and 3.7 (arch/x86/kernel/entry_64.S), included by every trampoline of those releases
//
// Where a function returns to whose return the graph tracer took; rsp is as the real return would have left it.
//
// The site:            none: ftrace_graph_caller has this address put into the parent slot
// On entry:            rax, rdx = the function's return value; rbp = the caller's again
// Live:                rax, rdx and what a callee preserves; all else is free
// Calls:               ftrace_return_to_handler(frame_pointer = rbp)
// Leaves:              to the address that this returns; rax, rdx, rsp as on entry
//
// %rsp at the call     | ax | dx | - |
//                        0    8    16
        .set    RETURN_ax, 0
        .set    RETURN_dx, 8
        .set    RETURN_SIZE, 24

        .balign 16
        .globl  return_to_handler
        .type   return_to_handler, @function
return_to_handler:
        sub     $RETURN_SIZE, %rsp
        mov     %rax, RETURN_ax(%rsp)
        mov     %rdx, RETURN_dx(%rsp)
        mov     %rbp, %rdi                              // frame_pointer
        call    ftrace_return_to_handler
        mov     %rax, %rdi                              // rdi = the function's own return address
        mov     RETURN_dx(%rsp), %rdx
        mov     RETURN_ax(%rsp), %rax
        add     $RETURN_SIZE, %rsp
        jmp     *%rdi
        .size   return_to_handler, . - return_to_handler
