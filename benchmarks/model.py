#!/usr/bin/env python3
"""A whole model beside other runtimes. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import compare
import fresh
import quality
import workloads

SYSTEMS = ("tm-exact,tm-bf16,tm-int8,pytorch,pytorch-mkl,onnxruntime,onnxruntime-int8,openvino,openvino-static,"
           "openvino-int8,openvino-int8-static,ctranslate2,ctranslate2-int8,iree")
LOADS = ",".join(workloads.SHAPES + workloads.TEXT)


def operations_of(checkpoint):
    """Useful operations of a workload: multiply-adds of linears and attention, twice."""
    from transformer_mlir._inspect import inspect, total
    known = {}

    def one(length):
        if length not in known:
            modules, _ = inspect(checkpoint, length)
            known[length] = 2 * total({k: v for k, v in modules.items() if k != "pooler"})["macs"]
        return known[length]

    return lambda batches: sum(one(len(row)) for batch in batches for row in batch)


def main():
    options = compare.parse(compare.parser(__doc__.split(".")[0], SYSTEMS, LOADS))
    names, loads = options.systems.split(","), options.workloads.split(",")
    batches = workloads.make(loads, options.checkpoint, options.text, options.sentences)
    judged = next((load for load in loads if load in workloads.TEXT), loads[0])
    results = compare.run(options, batches, operations=operations_of(options.checkpoint),
                          check=lambda workers: quality.quality(workers, judged))
    results["fresh_process"] = fresh.fresh(names, options)
    compare.table(results)
    quality.table(results)
    fresh.table(results["fresh_process"])
    compare.save(options, results)


if __name__ == "__main__":
    main()
