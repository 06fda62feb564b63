# SPDX-License-Identifier: GPL-2.0-only
"""X32-02 (2.6.31): the prologue realigned the stack and copied the return address; the copy was hooked.

The function returned through the word it had come with, past the hook, and its parent took the child's entry for its
own. Recreated with mcount, on x86_64 too, where gcc makes the same prologue.
"""

from __future__ import annotations

import pytest

PROLOGUE = """        push    %rbp
        mov     %rsp, %rbp
        .endif
        .ifndef CC_USING_FENTRY
"""
REALIGNED = """        lea     8(%rsp), %r10
        and     $-16, %rsp
        pushq   -8(%r10)
        push    %rbp
        mov     %rsp, %rbp
        push    %r10
        .endif
        .ifndef CC_USING_FENTRY
"""
EPILOGUE = "        pop     %rbp\n        .endif\n        ret\n"
BACK = "        mov     -8(%rbp), %r10\n        leave\n        lea     -8(%r10), %rsp\n        .endif\n        ret\n"


@pytest.mark.caught("G2", "x86_64", "3.6 3.6-static 3.7-mcount")
def test_the_hooked_word_is_not_the_one_returned_through(bug):
    bug.edit((PROLOGUE, REALIGNED), (EPILOGUE, BACK), file="kernel.S")
    bug.must_be_caught()


PROLOGUE_32, EPILOGUE_32 = PROLOGUE.replace("%r", "%e"), EPILOGUE.replace("%r", "%e")
REALIGNED_32 = """        push    %edi
        lea     8(%esp), %edi
        and     $-16, %esp
        pushl   -4(%edi)
        push    %ebp
        mov     %esp, %ebp
        push    %edi
        .endif
        .ifndef CC_USING_FENTRY
"""
BACK_32 = """        mov     -4(%ebp), %edi
        leave
        lea     -8(%edi), %esp
        pop     %edi
        .endif
        ret
"""


@pytest.mark.caught("G2", "i386", "3.6 3.6-static 3.7")
def test_the_hooked_word_is_not_the_one_returned_through_on_i386(bug):
    bug.edit((PROLOGUE_32, REALIGNED_32), (EPILOGUE_32, BACK_32), file="kernel.S")
    bug.must_be_caught()
