"""Passes that the user names, and the profile that they go by.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import contextlib
import os
import tempfile

FITTED = tuple(f"transformer-{name}" for name in ("narrow-ffn", "narrow-heads", "factorize-svd", "replace-attention"))
ROUNDING = ("transformer-quantize-i8", "transformer-quantize-i4", "transformer-compress")
SIMPLE = "transformer-fold-weights,transformer-freeze,transformer-fuse{projections=false}"


def split(text):
    """The passes of a pipeline as text; commas in braces and parentheses are theirs."""
    parts, depth, begin = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "{(") - (c in "})")
        if c == "," and depth == 0:
            parts.append(text[begin:i])
            begin = i + 1
    return [part.strip() for part in [*parts, text[begin:]] if part.strip()]


def name_and_options(one):
    name, _, options = one.partition("{")
    return name.strip(), options.rstrip().removesuffix("}").strip()


def is_open(one):
    """Whether it goes by a profile, and names none."""
    name, options = name_and_options(one)
    return name in FITTED and not any(word.startswith(("profile=", "save-profile=")) for word in options.split())


def check(passes):
    if not isinstance(passes, str):
        raise TypeError(f"passes is {type(passes).__name__}, expected text such as 'transformer-factorize-svd{{ratio=0.7}}'")
    parts = split(passes)
    if not parts:
        raise ValueError("passes names no pass")
    for one in parts:
        if name_and_options(one)[0] in ROUNDING:
            raise ValueError(f"{name_and_options(one)[0]} rounds, as presets do after the passes: leave it out, and name a preset")
    return parts


@contextlib.contextmanager
def arguments_of(passes, source, profiles, sequences, attention, compile_):
    """What transformer-compile is told for `passes`, and the profiles of the model behind them.

    Each pass that fits hands the profile of the model as it has left it to the next one.
    """
    parts = check(passes)
    if not any(map(is_open, parts)):
        yield [f"--passes={','.join([SIMPLE, *parts])}", *sequences], profiles
        return
    if len(profiles) > 1:
        raise ValueError("passes go by one profile: add them up first, by 'transformer-mlir profile --add'")
    with tempfile.TemporaryDirectory(prefix="transformer-mlir-") as folder:
        kept = os.path.join(folder, "profile.safetensors")
        known = os.fspath(profiles[0]) if profiles else kept
        if not profiles:
            compile_([source, "--emit=profile", "-o", kept, *sequences, *([f"--attention={attention}"] if attention else [])])
        for i, one in enumerate(parts):
            if is_open(one):
                name, options = name_and_options(one)
                parts[i] = f"{name}{{{options} profile={known} save-profile={kept}}}"
                known = kept
        yield [f"--passes={','.join([SIMPLE, *parts])}"], [kept]
