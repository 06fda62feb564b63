/* SPDX-License-Identifier: GPL-2.0-only */
  DEFINE(TSK_TI_FLAGS,		offsetof(struct task_struct, thread_info.flags));
  DEFINE(FREGS_X0,		offsetof(struct __arch_ftrace_regs, regs[0]));
  DEFINE(FREGS_LR,		offsetof(struct __arch_ftrace_regs, lr));
  DEFINE(FREGS_SIZE,		sizeof(struct __arch_ftrace_regs));
  DEFINE(FTRACE_OPS_FUNC,	offsetof(struct ftrace_ops, func));
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
  DEFINE(FTRACE_OPS_DIRECT_CALL,	offsetof(struct ftrace_ops, direct_call));
#endif
