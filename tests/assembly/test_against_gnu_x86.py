# SPDX-License-Identifier: GPL-2.0-only
"""x86-64 sources give the very bytes of GNU as and ld."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

Comparison = Callable[[str, str, Mapping[str, int]], None]

INSTRUCTIONS = {
    "moves": """
        mov %rax, %rbx; movq %rax, 8(%rsp); movl $5, (%rsp); movb $-1, 3(%rdi,%rsi,4); movw $0x1234, (%rax)
        mov $-1, %rax; mov $0xffffffff, %rax; mov $0xffffffff, %eax; movabs $0x1122334455667788, %r10
        mov $0x80000000, %rax; mov $-0x80000000, %rax; movq $-10, %rcx; mov $10, %ecx; mov $017, %ecx; mov $'a', %al
        movzbl %al, %eax; movsbl (%rax), %eax; movslq %eax, %rbx; cltq; cqto; xchg %rax, %rbx; xchg %rax, %rax
        mov 0x1234, %eax; mov %eax, 0x1234; mov %gs:8, %rax; mov %fs:0x28, %rax; addl $1, %gs:0x10; movq %rax, %xmm0
        mov %rax, -129(%rbp); mov %rax, -128(%rbp); mov %rax, 127(%rbp); mov %rax, 128(%rbp); mov %rax, (%r12)
        mov %rax, (%r13); mov 0(%rsp), %rax; mov (%rax,%rbx), %rcx; mov 4(,%rbx,8), %rcx; lea (%rdi,%rdx), %rdi
        push %rbp; pop %r12; pushq 8(%rsp); popq 16(%rsp); push $1; pushq $0x80; push $0x1234; pushw $5; pushfq; popfq
        cmovne %rax, %rbx; sete %al; bswap %rax; movss %xmm0, 8(%rsp); fxsave (%rax); movsbq %al, %rcx
    """,
    "arithmetic": """
        add $8, %rsp; sub $-128, %rsp; sub $168, %rsp; add $127, %rax; add $128, %rax; add $-129, %rax; sub $1, %eax
        subl $0xffffffff, %eax; addl $0xfffffffe, %ebx; and $0xfffffffffffffff0, %rsp; andq $-16, %rsp; andl $~1, %eax
        cmpw $0xffff, %ax; cmpb $0xff, %al; cmpl $0, (%rax); cmpq $0, 8(%rax); test %rax, %rax; test %eax, 8(%rax)
        testl $1, 8(%rax); testb $1, (%rdi); imul $5, %rax; imul $500, %rax, %rbx; shl $3, %rax; shl %rax; shl $1, %eax
        sar $31, %eax; rol $13, %rax; ror $64-13, %rax; xor %eax, %eax; or $1, %al; neg %rax; not %ecx; inc %rax
        decl (%rax); adc $0, %rdx; lock addl $0, (%rsp); lock cmpxchgq %rcx, (%rdx); xadd %eax, (%rbx)
    """,
    "system": """
        ret; retq; ret $8; leave; int3; int $3; int $0x80; ud2; hlt; cli; sti; cld; nop; pause; lfence; mfence; cpuid
        rdtsc; swapgs; sysretq; iretq; wrmsr; rdmsr; clac; stac; endbr64; endbr32; notrack jmp *%rax; rep movsq
        rep; ret; rep stosb; repz cmpsb; repne scasb; stosq; cs nop; outb %al, $0x80; mov %rax, %cr3
        mov %cr2, %rdi; invlpg (%rax)
        nopl (%rax); nopw (%rax); nopl 8(%rax); nopl 0x12345678(%rax,%rax,1); nopw 0(%rax,%rax,1); prefetcht0 (%rax)
        mov %ss, %rax; movq %ss, %rax; movl %cs, %eax; mov %ss, %ax; mov %ds, (%rax); movw %cs, 8(%rsp); mov %eax, %ds
        mov %ax, %ds; mov %rax, %ds; movw 8(%rsp), %ds; mov 8(%rsp), %es; mov %es, %r9; mov %gs, %r10d; mov %r9, %fs
        call *%rax; call *8(%rsp); call *(%rax,%rbx,8); jmp *%r11; jmpq *(%rax); call *0x1234; callq *%gs:0x10
    """,
}
SOURCES = {
    "branches to labels, global and weak ones, and outside": """
        .globl g; .weak w
        g: nop; w: nop; l: nop
        jmp g; jmp w; jmp l; jmp l+1; je g; je w; je outside; jmp outside; jnz l; call g; call w; call l; call outside
        jmp l@PLT; call outside@PLT; callq l; jecxz l; loop l; jrcxz 1f; loopne 1f
        1: jmp 1b; jmp 1f; jmp 2f
        1: .skip 126
        2: jmp 1b; jb 2b
        .set alias, l; jmp alias; jmp alias2; .set alias2, g
        jmp 0x1234; call 0x401234
    """,
    "short branches at their limits": """
        a: .skip 126; jmp a
        b: .skip 127; jmp b
        jmp c; .skip 127; c:
        jmp d; .skip 128; d:
        e: .rept 30; jne f; .endr; .rept 30; jne e; .endr
        f: jmp g1; .skip 120; jmp g2; g1: .skip 3; .skip 123; g2:
        1: jmp 2f; jmp 3f; .balign 16; .skip 100; .balign 32; 2: .skip 10; 3: jmp 1b
    """,
    "symbols in instructions": """
        l: mov outside, %rax; mov outside, %eax; mov %rax, outside; movabs $outside, %rax; movabs outside2, %rax
        mov $l, %rax; mov $l, %eax; mov $l+4, %eax; push $l; cmpq $l, %rax; cmpl $l, outside3(%rip); movq $l, (%rax)
        mov outside(%rip), %rax; leaq l(%rip), %rdi; lea l-4(%rip), %rdi; movl $5, outside3(%rip)
        movw $5, outside3(%rip); movb $5, outside3(%rip); cmpl $0, outside3(%rip); cmpq $0x1234, outside3+8(%rip)
        testl $l, (%rax); add $l, %eax; add $l, %rax; sub $l, %rsp; imul $l, %rax; lea l(,%rax,8), %rax
        mov l(%rax), %ecx; call *l(%rip); jmp *l(,%rax,8); call *l; mov %gs:l(%rip), %rax; push outside3(%rip)
        movq %rsp, outside3(%rip); jmp *%gs:l; nopl l(%rip); mov 8(%rip), %rax; mov $l, %r9; movl $l, 4(%rsp)
    """,
    "constants of all ages": """
        .set SIZE, 168; .equ ten, 2*5; eleven = ten+1
        sub $SIZE, %rsp; mov ten(%rsp), %rax; mov SIZE+eleven-1(%rsp,%rax,2*4), %rbx; add $SIZE-8, %rsp; push $ten
        n = 1; mov $n, %eax; n = n + 1; mov $n, %eax; .set n, n+1; movb $n, (%rax)
        sub $later, %rsp; mov later(%rsp), %rax; later = 16
        a: nop; nop; b: .long b-a; mov $b-a, %eax; add $DEFINED, %rax; mov DEFINED(%rsp), %rax
    """,
    "data": """
        .byte 1, -1, 'a, 'a', 0xff, '\\n, l-k; .short 1, 0xffff; .word 0x1234; .value 7; .hword -2; .2byte 3
        k: .long k, outside, 1, -1, 0xffffffff
        l: .quad l, k+8, outside-4, 0x1122334455667788, -1; .int l-k; .8byte 1; .4byte 2
        .ascii "a\\tb\\\\\\"c\\101\\x41", "d"; .asciz "x", ""; .string "y;z"; .asciz "" "\\0"; .ascii "p" "q", "r"
        .long .-k, . - l, outside-., l-.; .quad outside-., .; m: .long outside - m, outside - k
        .fill 3; .fill 2, 4, 0x90909090; .fill 1, 3, 0x123456; .fill 2, 8, -1; .space 3, 0x90; .skip 2; .zero 1
        .space l-k
    """,
    "padding": """
        .byte 1; .balign 8; .byte 1; .balign 8, 0x90; .byte 1; .balign 8, 0xcc; .byte 1; .p2align 4,,3; .byte 1
        .p2align 4,,20; .byte 1; .align 16; nop; .balign 8, 0; .byte 2; .org 0x80; .byte 3; .org 0xa0, 0x11; .byte 1
        here: .org here + 9; . = . + 3; .byte 4; .p2align 3, 0x55
    """
    + "".join(f".p2align 8; .fill {256 - size}, 1, 0xcc; .p2align 8\n" for size in range(0, 256, 5)),
    "sections": """
        nop; .section .init.text, "ax", @progbits; a: jmp b; call main; .previous; main: nop; jmp a; .data; .byte 1
        .balign 4; d: .quad a, main; .byte 9; .text; b: nop; .pushsection .other, "a"; .quad 1f; .popsection; 1: jmp 1b
        .subsection 1; late: jmp main; .text 2; nop; .subsection 0; jmp late; .section .rodata; .long 5; .text
        .pushsection .kprobes, "ax"; nop; .pushsection .data; .byte 7; .popsection; .balign 4; .popsection; .byte 0xee
    """,
    "blanks in brackets": """
        .macro given a, b=(( 3*32 + 1) | ( 1 << 4 )), c = 7
        .long \\a, \\b, \\c
        .endm
        given (1 + 2), c=( 4 * 5 ); given ( 6 ), 8
    """,
    "alternatives with computed gaps": """
        .macro pick old, new1, new2
        140: \\old
        141: .skip -(((144f-143f)-(141b-140b)) > 0) * ((144f-143f)-(141b-140b)), 0x90
        142: .pushsection .replacements, "ax"
        143: \\new1
        144: \\new2
        145: .popsection
        .endm
        pick nop, "mov $1, %eax; nop", ret
        pick "jmp far", ret, nop
        jmp near; pick ret, "movabs $0x1122334455667788, %rax", ret; near: .skip 200; far: ret
    """,
}


@pytest.mark.gnu_as
@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_instructions(name: str, same_as_gnu: Comparison) -> None:
    same_as_gnu("x86_64", INSTRUCTIONS[name], {})


@pytest.mark.gnu_as
@pytest.mark.parametrize("name", SOURCES)
def test_sources(name: str, same_as_gnu: Comparison) -> None:
    same_as_gnu("x86_64", SOURCES[name], {"DEFINED": 24})
