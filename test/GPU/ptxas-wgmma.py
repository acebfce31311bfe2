# Products of warpgroups: nothing spilled, no wait that the assembler had to put
# in (C75xx), and few enough registers for two blocks on a multiprocessor, or
# for one where blocks are wide.
# REQUIRES: ptxas
# RUN: transformer-compile %S/Inputs/linears.mlir --target=nvptx --gpu-chip=sm_90a --emit=ptx -o %t.ptx
# RUN: %ptxas -v -arch=sm_90a %t.ptx -o %t.cubin > %t.f16 2>&1
# RUN: transformer-compile %S/Inputs/linears.mlir --target=nvptx --gpu-chip=sm_90a --dtype=bf16 --emit=ptx -o %t.ptx
# RUN: %ptxas -v -arch=sm_90a %t.ptx -o %t.cubin > %t.bf16 2>&1
# RUN: %python %s %t.f16 %t.bf16
import re
import sys

# Registers of a thread. A multiprocessor has 65536 for 288 threads a block, and
# 228 KiB of shared memory.
MOST = {"linear_wgmma_1": 112, "linear_wgmma_2": 224, "linear_wgmma_3": 112, "linear_wgmma_5": 224}
for name in sys.argv[1:]:
    text = open(name).read()
    assert "(C75" not in text, text
    kernels = re.findall(r"entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores.*?Used (\d+) registers", text, re.S)
    assert {kernel for kernel, *_ in kernels} >= MOST.keys(), text
    for kernel, stack, spills, registers in kernels:
        assert stack == spills == "0", text
        assert int(registers) <= MOST.get(kernel, 255), (kernel, registers)
