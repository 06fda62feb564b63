// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_regs_caller, return_to_handler; x86_64, 6.12 (arch/x86/kernel/ftrace_64.S)
//
// The site, disabled:  nopl 0(%rax,%rax)       enabled:  call ftrace_caller, ftrace_regs_caller or a copy of one
//                      first in the function, behind the endbr64 of a CONFIG_X86_KERNEL_IBT kernel
// On entry:            0(%rsp) = rip, the address behind the site; 8(%rsp) = parent_ip, the word at the parent slot
// Live:                rdi rsi rdx rcx r8 r9 rax rbx rbp r12-r15; r10 and r11 are free in ftrace_caller,
//                      r11 alone in ftrace_regs_caller, and pt_regs promises both there
// Calls:               func(ip = rip - MCOUNT_INSN_SIZE, parent_ip, op = function_trace_op, fregs = %rsp)
//                      at ftrace_call and ftrace_regs_call, which the core patches
// Leaves:              to fregs->ip with rsp = the parent slot; ax cx dx si di r8 r9 bp as fregs has them, and from
//                      ftrace_regs_caller r15-r12 r10 bx and flags too. Never loaded back: r11 cs sp ss.
//                      orig_ax != 0 (ftrace_regs_caller only): to orig_ax, as if the site had called it: a direct call
//
// ftrace_caller fills ax cx dx si di r8 r9 bp orig_ax ip cs sp; cs = 0 makes ftrace_get_regs() return NULL.
// ftrace_regs_caller fills every member.
//
// %rsp at the call     struct pt_regs, PT_SIZE = 168
//       +0 .. +167     | r15 r14 r13 r12 bp bx r11 r10 | r9 r8 ax cx dx si di | orig_ax | ip cs flags sp ss |
//                        0   8   16  24  32 40 48  56    64 72 80 88 96 .. 112  120       128 .. 144  152 160
//     +168 .. +207     | ->184 | rip | rbp | parent_ip | rbp |       CONFIG_FRAME_POINTER: the traced function's frame,
//                        168     176   184   192         200         its parent's, as the unwinder reads them; rbp
//           +AREA      | flags |                                     ftrace_regs_caller: pushed at its entry
//                      | rip | parent_ip |                           pushed by the site, and by the function's caller
//
// A private copy (create_trampoline) is what lies from ftrace_caller to ftrace_caller_end, or the same of
// ftrace_regs_caller, with a ret and a pointer to its ops behind. So nothing between the two labels may leave on its
// own; the jump at ftrace_regs_caller_jmp, which becomes a NOP in the copy, has to be the 2-byte form; and the load at
// *_op_ptr, which is pointed to the copy's own ops, has to be 48 8b 15 disp32: mov, rip-relative, to rdx.
//
// ftrace-6.1.S includes this file with AS_IN_6_1 set, and says there what 6.1 has otherwise.

        .set    MCOUNT_INSN_SIZE, 5
        .set    __KERNEL_CS, 0x10
        .set    __KERNEL_DS, 0x18

        .ifdef CONFIG_FRAME_POINTER
        .set    AREA, PT_SIZE + 5*8
        .else
        .set    AREA, PT_SIZE
        .endif

        .macro FUNC name
        .balign 16
        .globl  \name
        .type   \name, @function
\name:
        .ifdef CONFIG_X86_KERNEL_IBT
        endbr64
        .endif
        .endm

        .macro LABEL name
        .globl  \name
\name:
        .endm

        .macro END name
        .size   \name, . - \name
        .endm

// Makes room and fills what both kinds of record have. `pushed` bytes lie between rsp and rip already.
// Out: rdi = ip, rsi = parent_ip; rdx is spent.
        .macro SAVE pushed=0
        .ifdef CONFIG_FRAME_POINTER
        push    %rbp                                    // kept for pt_regs, rbp is about to move
        pushq   \pushed+2*8(%rsp)                       // the parent's frame: return address parent_ip,
        push    %rbp                                    //      next frame *rbp
        mov     %rsp, %rbp
        pushq   \pushed+3*8(%rsp)                       // the traced function's frame: return address rip,
        push    %rbp                                    //      next frame the parent's
        mov     %rsp, %rbp
        .endif
        sub     $PT_SIZE, %rsp
        mov     %rax, PT_ax(%rsp)                       // fregs->ax = rax, ...
        mov     %rcx, PT_cx(%rsp)
        mov     %rdx, PT_dx(%rsp)
        mov     %rsi, PT_si(%rsp)
        mov     %rdi, PT_di(%rsp)
        mov     %r8, PT_r8(%rsp)
        mov     %r9, PT_r9(%rsp)
        movq    $0, PT_orig_ax(%rsp)                    // fregs->orig_ax = 0: no direct call
        .ifdef CONFIG_FRAME_POINTER
        mov     AREA-8(%rsp), %rdx                      // rdx = rbp at the site
        mov     %rdx, PT_bp(%rsp)                       // fregs->bp = rdx
        .else
        mov     %rbp, PT_bp(%rsp)                       // fregs->bp = rbp
        .endif
        lea     AREA+\pushed+8(%rsp), %rdx              // rdx = the parent slot
        mov     %rdx, PT_sp(%rsp)                       // fregs->sp = rdx: rsp before the site's call
        mov     (%rdx), %rsi                            // parent_ip = *rdx
        mov     AREA+\pushed(%rsp), %rdi                // rdi = rip
        mov     %rdi, PT_ip(%rsp)                       // fregs->ip = rip
        sub     $MCOUNT_INSN_SIZE, %rdi                 // ip = rip - 5: the record's address
        .endm

// Loads back what both kinds of record honour, and gives up the room but for the `keep` bytes at its upper end.
        .macro RESTORE keep=0
        mov     PT_r9(%rsp), %r9                        // r9 = fregs->r9, ...
        mov     PT_r8(%rsp), %r8
        mov     PT_di(%rsp), %rdi
        mov     PT_si(%rsp), %rsi
        mov     PT_dx(%rsp), %rdx
        mov     PT_cx(%rsp), %rcx
        mov     PT_ax(%rsp), %rax
        mov     PT_bp(%rsp), %rbp
        add     $AREA-\keep, %rsp
        .endm

        .text

// What every site calls until boot has patched it.
FUNC __fentry__
        ret
END __fentry__

// The callback when there is none; the graph entry when there is none; the direct trampoline of the selftest.
FUNC ftrace_stub
        ret
END ftrace_stub

FUNC ftrace_stub_graph
        ret
END ftrace_stub_graph

        .ifndef AS_IN_6_1
FUNC ftrace_stub_direct_tramp
        ret
END ftrace_stub_direct_tramp
        .endif

FUNC ftrace_caller
        SAVE
LABEL ftrace_caller_op_ptr
        mov     function_trace_op(%rip), %rdx           // op = function_trace_op
        movq    $0, PT_cs(%rsp)                         // fregs->cs = 0: not a full pt_regs
        mov     %rsp, %rcx                              // fregs
LABEL ftrace_call
        call    ftrace_stub                             // func(ip, parent_ip, op, fregs)

        mov     PT_ip(%rsp), %rax                       // rip = fregs->ip: func may have moved it
        mov     %rax, AREA(%rsp)
        RESTORE
LABEL ftrace_caller_end
        ret                                             // to rip
END ftrace_caller

FUNC ftrace_regs_caller
        pushfq                                          // first: everything below changes flags
        SAVE    pushed=8
LABEL ftrace_regs_caller_op_ptr
        mov     function_trace_op(%rip), %rdx           // op = function_trace_op
        mov     %r15, PT_r15(%rsp)                      // regs->r15 = r15, ...
        mov     %r14, PT_r14(%rsp)
        mov     %r13, PT_r13(%rsp)
        mov     %r12, PT_r12(%rsp)
        mov     %r11, PT_r11(%rsp)
        mov     %r10, PT_r10(%rsp)
        mov     %rbx, PT_bx(%rsp)
        mov     AREA(%rsp), %rcx                        // rcx = flags at the site
        mov     %rcx, PT_flags(%rsp)                    // regs->flags = rcx
        movq    $__KERNEL_DS, PT_ss(%rsp)               // regs->ss = __KERNEL_DS
        movq    $__KERNEL_CS, PT_cs(%rsp)               // regs->cs = __KERNEL_CS: a full pt_regs
        .ifdef CONFIG_FRAME_POINTER
        lea     1(%rsp), %rbp                           // rbp = regs | 1, by which the unwinder knows a pt_regs
        .endif
        mov     %rsp, %rcx                              // fregs, or regs
LABEL ftrace_regs_call
        call    ftrace_stub                             // func(ip, parent_ip, op, fregs)

        mov     PT_flags(%rsp), %rax                    // flags = regs->flags
        mov     %rax, AREA(%rsp)
        mov     PT_ip(%rsp), %rax                       // rip = regs->ip
        mov     %rax, AREA+8(%rsp)
        mov     PT_r15(%rsp), %r15                      // r15 = regs->r15, ...
        mov     PT_r14(%rsp), %r14
        mov     PT_r13(%rsp), %r13
        mov     PT_r12(%rsp), %r12
        mov     PT_r10(%rsp), %r10                      // and r11 stays lost: no load here, by the contract
        mov     PT_bx(%rsp), %rbx
        mov     PT_orig_ax(%rsp), %rax
        test    %rax, %rax                              // if (regs->orig_ax)
LABEL ftrace_regs_caller_jmp
        jnz     1f                                      //      goto the direct call; never in a copy

        RESTORE
        popfq                                           // flags
LABEL ftrace_regs_caller_end
        ret                                             // to rip

// A direct call: put its address above rip, where flags are, and return to it. What it finds is [rip][parent_ip].
1:      mov     AREA(%rsp), %rdi                        // the area's last word = flags
        mov     %rdi, AREA-8(%rsp)
        mov     %rax, AREA(%rsp)                        // the word at rip - 8 = regs->orig_ax
        RESTORE keep=8
        popfq                                           // flags
        .ifndef AS_IN_6_1
        call    2f                                      // as many calls as rets for the return stack buffer: the ret
2:      add     $8, %rsp                                // below is one more. Arithmetic flags are lost, here alone
        .endif
        ret                                             // to orig_ax
END ftrace_regs_caller

// Where a function returns to whose return the graph tracer took; rsp is as the real return would have left it.
//
// On entry:            rax, rdx = the function's return value; rsp = the parent slot + 8
// Calls:               ftrace_return_to_handler(fregs), where fregs has ax dx bp sp and nothing else
// Leaves:              to the address that this returns; ax and dx as fregs has them, rsp as on entry
//
// %rsp at the call     | struct pt_regs, PT_SIZE | return_to_handler |       the second word is what the ret has eaten
//                        0                         168
        .ifndef AS_IN_6_1
        .balign 16
        .globl  return_to_handler
        .type   return_to_handler, @function
return_to_handler:                                      // reached by ret: no endbr64
        mov     %rsp, %rdi                              // rdi = rsp as the function's caller will see it
        sub     $8, %rsp                                // bring the eaten word back
        sub     $PT_SIZE, %rsp
        mov     %rax, PT_ax(%rsp)                       // fregs->ax = rax
        mov     %rdx, PT_dx(%rsp)                       // fregs->dx = rdx
        mov     %rbp, PT_bp(%rsp)                       // fregs->bp = rbp
        mov     %rdi, PT_sp(%rsp)                       // fregs->sp = rdi
        mov     %rsp, %rdi                              // fregs
        call    ftrace_return_to_handler

        mov     %rax, %rdi                              // rdi = the function's own return address
        mov     PT_dx(%rsp), %rdx                       // rdx = fregs->dx
        mov     PT_ax(%rsp), %rax                       // rax = fregs->ax
        add     $PT_SIZE+8, %rsp
        call    3f                                      // not jmp *%rdi: IBT would want an endbr64 there
        int3
3:      mov     %rdi, (%rsp)
        ret                                             // to rdi
END return_to_handler
        .endif
