// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_regs_caller, return_to_handler; x86_64, 6.1 (arch/x86/kernel/ftrace_64.S)
//
// The site:            nopl 0(%rax,%rax), or call ftrace_caller, ftrace_regs_caller or a copy of one
//
// ftrace_caller and ftrace_regs_caller are those of ftrace-6.12.S, to the instruction, with its contract and its
// pictures. What 6.1 has otherwise:
//
//      direct call         leaves ftrace_regs_caller by the ret alone, with flags as fregs has them; nothing balances
//                          the return stack buffer
//      return_to_handler   passes rbp, as 3.x does, and no record: retfunc does not see what the function returns
//      ftrace_stub_direct_tramp        is not there; the selftest has a C function of its own, trace_direct_tramp

        .set    AS_IN_6_1, 1
        .include "ftrace-6.12.S"

// Where a function returns to whose return the graph tracer took; rsp is as the real return would have left it.
//
// On entry:            rax, rdx = the function's return value; rbp = the caller's again
// Live:                rax, rdx and what a callee preserves; all else is free
// Calls:               ftrace_return_to_handler(frame_pointer = rbp)
// Leaves:              to the address that this returns; rax, rdx, rsp as on entry
//
// %rsp at the call     | ax | dx |
//                        0    8
        .set    RETURN_ax, 0
        .set    RETURN_dx, 8
        .set    RETURN_SIZE, 16

        .balign 16
        .globl  return_to_handler
        .type   return_to_handler, @function
return_to_handler:                                      // reached by ret: no endbr64
        sub     $RETURN_SIZE, %rsp
        mov     %rax, RETURN_ax(%rsp)
        mov     %rdx, RETURN_dx(%rsp)
        mov     %rbp, %rdi                              // frame_pointer
        call    ftrace_return_to_handler

        mov     %rax, %rdi                              // rdi = the function's own return address
        mov     RETURN_dx(%rsp), %rdx
        mov     RETURN_ax(%rsp), %rax
        add     $RETURN_SIZE, %rsp
        call    3f                                      // not jmp *%rdi: IBT would want an endbr64 there
        int3
3:      mov     %rdi, (%rsp)
        ret                                             // to rdi
END return_to_handler
