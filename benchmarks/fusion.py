#!/usr/bin/env python3
"""What freezing and each fusion is worth: with one part off, and with one part alone.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import subprocess

import compare
import workloads

# Flags of transformer-compile that switch a part on and off, and whether it is on in a usual build.
PARTS = {
    "freeze": ("--freeze", "--freeze=false", True),
    "QKV merge": ("--merge-projections", "--merge-projections=false", False),
    "epilogue fusion": ("epilogues=true", "epilogues=false", True),
    "row-chain fusion": ("chains=true", "chains=false", True),
}
LOADS = "1x8,1x128,given"
USUAL = frozenset(part for part, (_, _, usual) in PARTS.items() if usual)
PEER = "pytorch-mkl"


def name_of(parts):
    """The system that has these parts, and no other."""
    return "tm-with-" + ("-".join(part.split()[0] for part in PARTS if part in parts) or "nothing")


def flags_of(parts):
    flags = [PARTS[part][0 if part in parts else 1] for part in PARTS]
    lowering = [flag for flag in flags if not flag.startswith("--")]
    return [flag for flag in flags if flag.startswith("--")] + ["--lowering=" + " ".join(lowering)]


def pairs(part):
    """(without, with) among the others, and alone."""
    return [tuple(map(name_of, (others - {part}, others | {part}))) for others in (USUAL, frozenset())]


def compile_all(options, variants):
    from transformer_mlir._native import find
    options.work.mkdir(parents=True, exist_ok=True)
    for parts in variants:
        target = options.work / name_of(parts)
        if not (options.keep and (target / "model.so").exists()):
            subprocess.run([find("transformer-compile"), options.checkpoint, "-o", str(target), "--quiet",
                            f"--target-cpu={options.target_cpu}", f"--preset={options.preset}", *flags_of(parts)],
                           check=True)
    options.keep = True


def main():
    parser = compare.parser("What freezing and each fusion is worth", PEER, LOADS, rounds=25, burst=60, sentences=64)
    parser.add_argument("--target-cpu", default="host", help="default: host")
    parser.add_argument("--preset", default="exact", help="default: exact")
    options = compare.parse(parser)
    variants = list(dict.fromkeys(parts for part in PARTS for others in (USUAL, frozenset())
                                  for parts in (others - {part}, others | {part})))
    compile_all(options, variants)
    whole, nothing = name_of(USUAL), name_of(())
    rows = {part: pairs(part) for part in PARTS}
    rows["unpadding"] = [(f"{whole}+padded", whole), (f"{nothing}+padded", nothing)]
    rows["all of them"] = [(f"{nothing}+padded", whole)]
    peers = [name for name in options.systems.split(",") if name]
    for peer in peers:
        rows[f"{peer}, beside all off"] = [(peer, f"{nothing}+padded")]
    names = [*map(name_of, variants), f"{whole}+padded", f"{nothing}+padded", *peers]
    loads = options.workloads.split(",")
    results = compare.run(options, workloads.make(loads, options.checkpoint, options.text, options.sentences), names)

    def ratio(load, without, having):
        row = results["workloads"][load]["systems"].get(without, {})
        return row.get("by", {}).get(having)

    results["worth"] = {part: {load: [ratio(load, *pair) for pair in found] for load in loads}
                        for part, found in rows.items()}
    print("\nHow many times faster: beside all others (alone)")
    print("\n| part | " + " | ".join(loads) + " |\n|---" + "|---" * len(loads) + "|")
    for part, values in results["worth"].items():
        cells = [" ".join(("({})" if i else "{}").format(f"{value:.3f}" if value else "")
                          for i, value in enumerate(pair)) for pair in values.values()]
        print(f"| {part} | " + " | ".join(cells) + " |")
    compare.save(options, results)


if __name__ == "__main__":
    main()
