"""One system in one process, for compare.py: answers 'WORKLOAD CALLS' with a JSON list of milliseconds.

'embed WORKLOAD' answers the embeddings, 'peak' the core's f32 FMA peak in
operations per second. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import ctypes
import json
import os
import pathlib
import sys
import time

folder, name, threads = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
os.environ.update(OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="false")
reply = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is not an answer

import systems  # noqa: E402  (after the environment)

workloads = json.loads((folder / "workloads.json").read_text())
inputs, run = systems.module(name).load(folder, threads, **systems.find(name).options)
prepared = {}
for line in sys.stdin:
    command, *rest = line.split()
    if command == "peak":
        probe = ctypes.CDLL(str(folder / "peak.so")).fma_operations_per_second
        probe.restype = ctypes.c_double
        answer = probe()
    else:
        workload = rest[0] if command == "embed" else command
        if workload not in prepared:
            prepared[workload] = [inputs(batch) for batch in workloads[workload]]
        if command == "embed":
            answer = [row for given in prepared[workload] for row in run(given).tolist()]
        else:
            answer = []
            for _ in range(int(rest[0])):
                begin = time.perf_counter()
                for given in prepared[workload]:
                    run(given)
                answer.append((time.perf_counter() - begin) * 1e3)
    print(json.dumps(answer), file=reply, flush=True)
