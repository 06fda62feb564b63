# SPDX-License-Identifier: GPL-2.0-only
"""32-bit x86 sources give the very bytes of GNU as and ld."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

Comparison = Callable[[str, str, Mapping[str, int]], None]

INSTRUCTIONS = {
    "moves": """
        mov %eax, %ebx; movl %eax, 8(%esp); movl $5, (%esp); movb $-1, 3(%edi,%esi,4); movw $0x1234, (%eax)
        mov $-1, %eax; mov $0xffffffff, %eax; mov $10, %ecx; mov $017, %ecx; mov $'a', %al; mov $0x80000000, %ebx
        movzbl %al, %eax; movsbl (%eax), %eax; movzwl %ax, %ecx; cltd; cwtl; xchg %eax, %ebx; xchg %eax, %eax
        mov 0x1234, %eax; mov %eax, 0x1234; mov 0x1234, %ebx; mov %ebx, 0x1234; mov 0x1234, %al; movl $7, 0x1234
        mov %gs:8, %eax; mov %fs:0x28, %ecx; addl $1, %gs:0x10; mov %eax, %fs:(%ebx); movl %eax, %fs:0x40(,%ecx,4)
        mov %eax, -129(%ebp); mov %eax, -128(%ebp); mov %eax, 127(%ebp); mov %eax, (%esp); mov 0(%esp), %eax
        mov (%eax,%ebx), %ecx; mov 4(,%ebx,8), %ecx; lea (%edi,%edx), %edi; lea -8(%eax), %esp; lea 8(%ebp), %eax
        push %ebp; pop %edi; pushl 8(%esp); push 8(%esp); popl 16(%esp); push $1; pushl $0x80; push $0x1234; pushw $5
        push $0x80000000; push $-1; push $0xffffffff; pushf; popf; pushfl; popfl; pusha; popa; pushal; popal
        cmovne %eax, %ebx; sete %al; bswap %eax; movss %xmm0, 8(%esp); fxsave (%eax)
    """,
    "segments": """
        push %gs; push %fs; push %es; push %ds; push %ss; push %cs; pop %ds; pop %es; pop %fs; pop %gs; pop %ss
        pushl %gs; pushl %fs; pushl %es; pushl %ds; pushl %ss; popl %ds; popl %es; popl %fs; popl %gs
        mov %ds, %eax; mov %ax, %ds; mov %eax, %es; movw %ax, %gs; mov %ss, %ax; movl %cs, %ecx; mov %ds, (%eax)
        movw %cs, 8(%esp); mov 8(%esp), %fs; movw 8(%esp), %ds
    """,
    "arithmetic": """
        add $8, %esp; sub $-128, %esp; sub $168, %esp; add $127, %eax; add $128, %eax; add $-129, %eax; sub $1, %eax
        subl $0xffffffff, %eax; addl $0xfffffffe, %ebx; and $0xfffffff0, %esp; andl $-16, %esp; and $0x7fffffff, %ebp
        cmpw $0xffff, %ax; cmpb $0xff, %al; cmpl $0, (%eax); cmpl $0, 0x1234; test %eax, %eax; test %eax, 8(%eax)
        testl $1, 8(%eax); testb $1, (%edi); imul $5, %eax; imul $500, %eax, %ebx; shl $3, %eax; shl %eax; sar $31, %eax
        rol $13, %eax; ror $32-13, %eax; xor %eax, %eax; or $1, %al; neg %eax; not %ecx; inc %eax; dec %edi; incl (%eax)
        decl (%eax); inc %al; adc $0, %edx; lock addl $0, (%esp); lock cmpxchgl %ecx, (%edx); xadd %eax, (%ebx)
        addl $20, (%esp); cmpl $5, 4(%esp)
    """,
    "system": """
        ret; retl; ret $8; leave; int3; int $3; int $0x80; ud2; hlt; cli; sti; cld; nop; pause; lfence; mfence; cpuid
        rdtsc; iret; iretl; wrmsr; rdmsr; clac; stac; endbr64; endbr32; notrack jmp *%eax; rep movsl
        rep; ret; rep stosb; repz cmpsb; repne scasb; stosl; cs nop; outb %al, $0x80; mov %eax, %cr3; mov %cr2, %edi
        nopl (%eax); nopw (%eax); nopl 8(%eax); nopl 0x12345678(%eax,%eax,1); nopw 0(%eax,%eax,1); prefetcht0 (%eax)
        call *%eax; call *8(%esp); call *(%eax,%ebx,8); jmp *%ecx; jmpl *(%eax); call *0x1234; calll *%gs:0x10
    """,
}
SOURCES = {
    "branches to labels, global and weak ones, and outside": """
        .globl g; .weak w
        g: nop; w: nop; l: nop
        jmp g; jmp w; jmp l; jmp l+1; je g; je w; je outside; jmp outside; jnz l; call g; call w; call l; call outside
        calll l; jecxz l; loop l; jcxz 1f; loopne 1f
        1: jmp 1b; jmp 1f; jmp 2f
        1: .skip 126
        2: jmp 1b; jb 2b
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
        l: mov outside, %eax; mov outside, %ebx; mov %eax, outside; mov %ecx, outside+4; mov $l, %eax; mov $l+4, %ebx
        push $l; push outside; pushl outside; cmpl $l, %eax; cmpl $l, %ecx; cmpl $l, outside; movl $l, (%eax)
        cmpl $0, outside; cmpb $0, outside; movw $5, outside; movl $5, outside; testl $l, (%eax); add $l, %eax
        sub $l, %esp; lea l, %ecx; lea l(,%eax,8), %eax; mov l(%eax), %ecx; call *l; jmp *l(,%eax,4); call *outside
        mov %gs:l, %eax; movl $l, 4(%esp); nopl l; imul $l, %eax
    """,
    "constants of all ages": """
        .set SIZE, 168; .equ ten, 2*5; eleven = ten+1
        sub $SIZE, %esp; mov ten(%esp), %eax; mov SIZE+eleven-1(%esp,%eax,2*4), %ebx; add $SIZE-8, %esp; push $ten
        n = 1; mov $n, %eax; n = n + 1; mov $n, %eax; .set n, n+1; movb $n, (%eax)
        sub $later, %esp; mov later(%esp), %eax; later = 16
        a: nop; nop; b: .long b-a; mov $b-a, %eax; add $DEFINED, %eax; mov DEFINED(%esp), %eax
    """,
    "data": """
        .byte 1, -1, 'a, 0xff, l-k; .short 1, 0xffff; .word 0x1234; .value 7; .hword -2
        k: .long k, outside, 1, -1, 0xffffffff
        l: .long l, k+8, outside-4; .int l-k; .4byte 2; .quad 0x1122334455667788
        .long .-k, . - l, outside-., l-.
        .byte l - .
    """,
    "padding": "".join(f".p2align 8; .fill {256 - size}, 1, 0xcc; .p2align 8\n" for size in range(0, 256, 3))
    + ".byte 1; .balign 8; .byte 1; .balign 8, 0x90; .byte 1; .balign 8, 0xcc; .byte 1; .p2align 4,,3; nop",
    "sections": """
        nop; .section .init.text, "ax", @progbits; a: jmp b; call main; .previous; main: nop; jmp a; .data; .byte 1
        .balign 4; d: .long a, main; .byte 9; .text; b: nop; .pushsection .other, "a"; .long 1f; .popsection; 1: jmp 1b
    """,
}


@pytest.mark.gnu_as
@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_instructions(name: str, same_as_gnu: Comparison) -> None:
    same_as_gnu("i386", INSTRUCTIONS[name], {})


@pytest.mark.gnu_as
@pytest.mark.parametrize("name", SOURCES)
def test_sources(name: str, same_as_gnu: Comparison) -> None:
    same_as_gnu("i386", SOURCES[name], {"DEFINED": 24})
