# Products of warpgroups: nothing spilled, no wait that the assembler had to put
# in (C75xx), and few enough registers for two blocks on a multiprocessor, or
# for one where blocks are wide.
# REQUIRES: ptxas
# RUN: transformer-compile %S/Inputs/linears.mlir --target=nvptx --gpu-chip=sm_90a --emit=ptx -o %t.ptx
# RUN: %ptxas -v -arch=sm_90a %t.ptx -o %t.cubin > %t.f16 2>&1
# RUN: transformer-compile %S/Inputs/linears.mlir --target=nvptx --gpu-chip=sm_90a --dtype=bf16 --emit=ptx -o %t.ptx
# RUN: %ptxas -v -arch=sm_90a %t.ptx -o %t.cubin > %t.bf16 2>&1
# RUN: transformer-compile %S/Inputs/families.mlir --target=nvptx --gpu-chip=sm_90a --emit=ptx -o %t.ptx
# RUN: %ptxas -v -arch=sm_90a %t.ptx -o %t.cubin > %t.families 2>&1
# RUN: %python %s %t.f16 %t.bf16 %t.families
import re
import sys

# Registers of a thread. A multiprocessor has 65536, a quarter for each fourth
# warp, and 228 KiB of shared memory. Blocks of 160 threads, and of 288 or 256,
# two at once; wide heads have one.
MOST = {"linear_wgmma_1": 168, "linear_wgmma_2": 96, "linear_wgmma_3": 168, "linear_wgmma_4": 96, "linear_wgmma_6": 96, "linear_wgmma_8": 168,
        "linear_wgmma_11": 96}
HEADS = {"attention_wgmma_9": 128, "attention_wgmma_10": 255}  # of families.mlir: of 64 and 128
for name in sys.argv[1:]:
    most = HEADS if name.endswith("families") else MOST
    text = open(name).read()
    assert "(C75" not in text, text
    kernels = re.findall(r"entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores.*?Used (\d+) registers", text, re.S)
    assert {kernel for kernel, *_ in kernels} >= most.keys(), text
    for kernel, stack, spills, registers in kernels:
        assert stack == spills == "0", text
        assert int(registers) <= most.get(kernel, 255), (kernel, registers)
