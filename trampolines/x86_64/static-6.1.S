// SPDX-License-Identifier: GPL-2.0-only
// __fentry__; x86_64 without DYNAMIC_FTRACE: 6.1 and 6.12 (arch/x86/kernel/ftrace_64.S)
//
// The site:            call __fentry__, first in the function. Nothing is ever patched
// On entry:            0(%rsp) = rip, the address behind the site; 8(%rsp) = parent_ip
// Live:                rdi rsi rdx rcx r8 r9 rax rbx rbp r12-r15; r10, r11 and flags are free
// Calls:               ftrace_trace_function(ip = rip - MCOUNT_INSN_SIZE, parent_ip), unless it is ftrace_stub:
//                      neither op nor fregs, so that the list function steps in. No graph tracer: on x86_64 that
//                      asks for DYNAMIC_FTRACE
// Leaves:              to rip with every live register as found
//
// %rsp at the call     struct pt_regs, PT_SIZE = 168, with ax cx dx si di r8 r9 bp orig_ax and ip filled, for the
//                      entry itself; then | rip | parent_ip |
//                                           168   176

// A kernel with CONFIG_FRAME_POINTER has two frames above that, as in ftrace-6.12.S; no variant here is one.

        .set    MCOUNT_INSN_SIZE, 5

        .macro FUNC name
        .balign 16
        .globl  \name
        .type   \name, @function
\name:
        .endm

        .macro END name
        .size   \name, . - \name
        .endm

        .text

// The callback when there is none.
FUNC ftrace_stub
        ret
END ftrace_stub

FUNC __fentry__
        cmpq    $ftrace_stub, ftrace_trace_function
        jne     1f                                      // if (ftrace_trace_function != ftrace_stub) goto call it
        ret                                             // to rip

1:      sub     $PT_SIZE, %rsp
        mov     %rax, PT_ax(%rsp)
        mov     %rcx, PT_cx(%rsp)
        mov     %rdx, PT_dx(%rsp)
        mov     %rsi, PT_si(%rsp)
        mov     %rdi, PT_di(%rsp)
        mov     %r8, PT_r8(%rsp)
        mov     %r9, PT_r9(%rsp)
        movq    $0, PT_orig_ax(%rsp)
        mov     %rbp, PT_bp(%rsp)
        mov     PT_SIZE+8(%rsp), %rsi                   // parent_ip
        mov     PT_SIZE(%rsp), %rdi                     // rdi = rip
        mov     %rdi, PT_ip(%rsp)
        sub     $MCOUNT_INSN_SIZE, %rdi                 // ip = rip - 5: the record's address
        mov     ftrace_trace_function, %r8
        call    *%r8                                    // ftrace_trace_function(ip, parent_ip)

        mov     PT_bp(%rsp), %rbp
        mov     PT_r9(%rsp), %r9
        mov     PT_r8(%rsp), %r8
        mov     PT_di(%rsp), %rdi
        mov     PT_si(%rsp), %rsi
        mov     PT_dx(%rsp), %rdx
        mov     PT_cx(%rsp), %rcx
        mov     PT_ax(%rsp), %rax
        add     $PT_SIZE, %rsp
        jmp     ftrace_stub                             // to rip
END __fentry__
