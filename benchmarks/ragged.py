#!/usr/bin/env python3
"""Real sentences of any lengths beside other runtimes. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import compare
import quality
import workloads

SYSTEMS = ("tm-exact,tm-bf16,tm-int8,pytorch,pytorch-mkl,onnxruntime,onnxruntime-int8,openvino,openvino-int8,"
           "openvino-int8-static,ctranslate2,ctranslate2-int8")


def main():
    options = compare.parse(compare.parser(__doc__.split(".")[0], SYSTEMS, ",".join(workloads.TEXT)))
    loads = options.workloads.split(",")
    batches = workloads.make(loads, options.checkpoint, options.text, options.sentences)
    results = compare.run(options, batches, check=lambda workers: quality.quality(workers, loads[0]))
    compare.table(results)
    print()
    for load, entry in results["workloads"].items():
        print(f"{load}: {entry['tokens']} tokens, {entry['padded_tokens']} with padding "
              f"({entry['padded_tokens'] / entry['tokens']:.2f}x)")
    quality.table(results)
    compare.save(options, results)


if __name__ == "__main__":
    main()
