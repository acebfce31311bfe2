"""What `compress` measures for its report: times, and how close the artifact is to its original.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import contextlib
import os
import random

import numpy as np

from . import _files, _quality
from ._bench import Workload, interleave, main_output, summary
from ._compress import compress, reporter
from ._model import load
from ._sides import reference_of

LENGTHS, ROUNDS = (32, 128), 3  # tokens of the calls that are timed, on one thread
JUDGED = 500  # texts held out, at most
SYNTHETIC, SHORTEST, LONGEST, SHIFT = 200, 8, 64, 2.7  # sequences; like those that a profile without text is made of
IMAGES = 32
EXACT = ("exact",)  # presets that are the original
ORIGINAL = "float32, same compiler"
PROBLEMS = (OSError, RuntimeError, ValueError, TypeError, ImportError, MemoryError)


class Lines(list):
    """Texts that know where they come from."""

    def __init__(self, lines, files=()):
        super().__init__(lines)
        self.files = list(files)


def read(text):
    """Once: it may be standard input. Also the names of its files."""
    lines, counts = _files.read_texts(text)
    return Lines(lines, counts["files"]), [os.path.basename(name) for name in counts["files"]] or ["the text"]


def hold_out(text):
    """(text to fit to, text to judge by, None if there is too little of it)."""
    lines, names = read(text)
    every = max(_files.HELD_OUT, -(-len(lines) // JUDGED))
    if len(lines) < every * _quality.LEAST:
        return lines, None
    held = Lines(lines[::every], [f"every {every}th line of {name}, which nothing was fitted to" for name in names])
    return Lines([line for i, line in enumerate(lines) if i % every], lines.files), held


def held_by_fit(text, seed):
    """The same for tuning and the preset static, which hold out some of `text` themselves."""
    lines, names = read(text)
    drawn = list(lines)
    random.Random(seed).shuffle(drawn)
    held = _files.hold_out(drawn)[1][:JUDGED]
    return lines, Lines(held, [f"lines of {name} that the fit held out" for name in names]) if len(held) >= _quality.LEAST else None


def synthetic(model):
    """Token ids whose frequencies fall off as those of words do."""
    generator = np.random.default_rng(2)
    begin, end, special = [], [], set()
    with contextlib.suppress(*PROBLEMS):
        tokenizer = model._load_tokenizer()
        ids = tokenizer.encode([""])[0][0]
        special = {*ids, *tokenizer.tokenizer.get_added_tokens_decoder()}
        begin, end = ids[:len(ids) // 2], ids[len(ids) // 2:]
    words = np.array([i for i in range(model.vocabulary) if i not in special] or [0])
    weights = 1 / (np.arange(len(words)) + SHIFT)
    longest = max(1, min(LONGEST, model.max_length) - len(begin) - len(end))
    lengths = generator.integers(min(SHORTEST, longest), longest + 1, SYNTHETIC)
    return [np.array([*begin, *generator.choice(words, n, p=weights / weights.sum()), *end], np.int64) for n in lengths]


def noise(model):
    shape = model._image_shape(model._inputs["pixel_values"][2])
    if shape is None:
        raise ValueError("config.json does not tell the size of an image")
    return np.random.default_rng(2).standard_normal((IMAGES, *shape)).astype(np.float32)


def judge(out, source, exact, text, wanted, show):
    """Quality on `text`, or, without, on what needs none."""
    kwargs = {}
    if text is None:
        model = load(out)
        kwargs = {"pixels": noise(model)} if "pixel_values" in model.input_names else {"sequences": synthetic(model)}
    found = _quality.quality(out, exact, text, wanted=wanted, progress=show or False, **kwargs)
    found["against"] = os.fspath(source)
    if text is None:
        found["judged_by"] = f"synthetic {'images' if 'pixels' in kwargs else 'sequences'}, for want of text: real input tells more"
    else:
        files = getattr(text, "files", None)
        found["text"]["files"] = files or found["text"]["files"]
    return found


def calls_of(model):
    """Workload to a function that computes it once."""
    output = main_output(model)
    if "pixel_values" in model.input_names:
        image = noise(model)[:1]
        return {Workload("1 image", [], images=1): lambda: model.run(pixel_values=image, outputs=[output])}
    lengths = [n for n in LENGTHS if n <= model.max_length] or [model.max_length]
    generator, calls = np.random.default_rng(0), {}
    for length in lengths:
        ids = [generator.integers(0, model.vocabulary, length)]
        calls[Workload(f"1x{length}", [ids], batch=1, length=length)] = lambda ids=ids: model.run(ids, outputs=[output])
    return calls


def times(out, exact):
    """The part `latency` of a report: calls of the artifact, in turn with those of the original if there is one."""
    model, rows = load(out, 1), []
    original = calls_of(load(exact, 1)) if exact else {}
    for (workload, call), other in zip(calls_of(model).items(), list(original.values()) or [None] * len(LENGTHS)):
        found = interleave({"transformer-mlir": call, **({ORIGINAL: other} if other else {})}, ROUNDS)
        systems = {name: summary(seconds, workload.tokens) for name, seconds in found.items()}
        for row in systems.values():
            row["ratio"] = row["median_ms"] / systems["transformer-mlir"]["median_ms"]
        rows.append({"workload": workload.name, "tokens": workload.tokens, **workload.details, "threads": 1, "target": model.target,
                     "systems": systems})
    return rows


def parts(out, source, preset, text, wanted, show, exact=None, must=False, device="cpu"):
    """What there is to add to the report of the artifact `out`; `must`: what cannot be measured is an error.

    `exact`: the original, compiled, where that is there already.
    """
    found = {}
    try:
        if device == "cpu" and preset in EXACT and not must:
            return {"latency": times(out, None)}
        if show:
            show("measuring for the report")
        with reference_of(exact or source, None, None) as reference:
            folder = reference.directory
            if device == "cpu":
                found["latency"] = times(out, folder)
            found["quality"] = judge(out, source, folder, text, wanted, show)
    except PROBLEMS as problem:
        if must:
            raise
        if show:
            show(f"not all is measured for the report: {problem}")
    return found


def compress_and_measure(checkpoint, out, preset, *, text, eval_text, wanted, measure, progress, **options):
    """`compress`, with text held out where that is needed, and what was measured in the report."""
    from . import _report
    from ._machine import check_driver
    must, device = eval_text is not None, "cpu" if options["target"] == "cpu" else "cuda"
    if must:
        _quality.read_texts(eval_text)  # what is wrong with it is said before the work
    elif text is not None and (preset == "static" or options.get("tune") is not None):
        text, eval_text = held_by_fit(text, options.get("seed", 0))
    elif text is not None:
        text, eval_text = hold_out(text)
    report = compress(checkpoint, out, preset, text=text, progress=progress, **options)
    show = reporter(progress)
    if device != "cpu" and not must:
        try:
            check_driver()
        except RuntimeError:
            return report  # compiled for another machine
    found = parts(os.fspath(out), checkpoint, report["preset"], eval_text, wanted, show, must=must, device=device)
    if not measure:
        found.pop("latency", None)
    return _report.update(os.fspath(out), **found) if found else report
