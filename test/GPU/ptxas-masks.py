# Kernels with masks as machine code: nothing spilled, and no wait that the
# assembler had to put in (C75xx); by warpgroups, few enough registers for two
# blocks on a multiprocessor where heads are of 64.
# REQUIRES: ptxas
# RUN: transformer-compile %S/Inputs/masks.mlir --target=nvptx --gpu-chip=sm_80 --emit=ptx -o %t.ptx
# RUN: %ptxas -v -arch=sm_80 %t.ptx -o %t.cubin > %t.sm_80 2>&1
# RUN: transformer-compile %S/Inputs/masks.mlir --target=nvptx --gpu-chip=sm_90a --emit=ptx -o %t.ptx
# RUN: %ptxas -v -arch=sm_90a %t.ptx -o %t.cubin > %t.sm_90a 2>&1
# RUN: transformer-compile %S/Inputs/masks.mlir --target=nvptx --gpu-chip=sm_100 --emit=ptx -o %t.ptx
# RUN: %ptxas -v -arch=sm_100 %t.ptx -o %t.cubin > %t.sm_100 2>&1
# RUN: %python %s %t.sm_80 %t.sm_90a %t.sm_100
import re
import sys

MOST = {"attention_wgmma_0": 128, "attention_wgmma_2": 128, "attention_wgmma_3": 128, "attention_wgmma_5": 128, "attention_0": 168}
for name in sys.argv[1:]:
    text = open(name).read()
    assert "(C75" not in text, text
    kernels = re.findall(r"entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores.*?Used (\d+) registers", text, re.S)
    assert len(kernels) == 7, text
    for kernel, stack, spills, registers in kernels:
        assert stack == spills == "0", text
        assert int(registers) <= MOST.get(kernel, 255), (kernel, registers)
