"""Tuning: a compressed structure goes to torch, is fitted to the original's outputs, and is compiled again.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import os
import random
import re
import shlex
import shutil
import string
import tempfile

import numpy as np

from . import _files, _folders, _report
from ._bench import main_output
from ._calibrate import read_sentences
from ._fit import need_torch
from ._model import load
from ._presets import structure_of
from ._remarks import by_module
from ._static import size_of

LEAST = 20  # distinct sentences
SHORT = 0.25  # of as many texts as there are sentences
PROFILED = 3000  # sentences that rounding is fitted to
KEPT_FLAGS = ("--preset", "--quantize", "--dtype", "--bits", "--table-bits", "--compensate", "--pack", "--target-cpu")
NARROWING = ("--qk-rank=0", "--ffn-error=0")  # has been done
COMPANIONS = (".json", ".txt", ".model")


def check(text, minutes, steps, seed, threads):
    if text is None:
        raise ValueError("tuning needs sentences of yours: pass text (--text FILE, one sentence a line)")
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not minutes > 0:
        raise ValueError(f"minutes is {minutes!r}, expected a number above 0")
    for name, value, least in (("steps", steps, 1), ("seed", seed, 0), ("threads", threads, 1)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise ValueError(f"{name} is {value!r}, expected a whole number of at least {least}")
    return need_torch("tuning needs PyTorch", "")


def to_torch(source):
    """A torch.nn.Module that computes what an artifact does, in float32 and with gradients.

    It has the artifact's structure, narrowed and factorized as it is; its
    parameters are named by module path. A float artifact's outputs are equal
    to it up to 1e-5 of their size. Of an artifact in 8 bits or fewer it
    carries the weights multiplied out, and rounds no activations: what the
    two then differ by is what rounding the activations costs (docs/tuning.md).
    Calls take what `Model.run` takes, and give tensors in place of arrays.
    `source` may also be a checkpoint. Needs PyTorch and the compiler.
    """
    from ._compress import check_source, run_compiler
    need_torch("to_torch makes a torch.nn.Module", "")
    from . import _graph
    path = check_source(source)
    if os.path.exists(os.path.join(path, "model.so")) and not os.path.exists(os.path.join(path, "model.mlir")):
        raise FileNotFoundError(f"{path}: has no model.mlir, which tells what the artifact computes; compress writes it")
    with tempfile.TemporaryDirectory(prefix="transformer-mlir-") as folder:
        return _graph.read(_graph.describe(run_compiler, [path], folder))


def short_texts(sentences, seed):
    """One to four words of a part of the sentences: what is searched for is short."""
    generator = random.Random(f"{seed} short")
    found = []
    for sentence in generator.sample(sentences, int(len(sentences) * SHORT)):
        words, count = sentence.split(), generator.randint(1, 4)
        begin = generator.randint(0, max(0, len(words) - count))
        found.append(" ".join(words[begin:begin + count]).strip(string.punctuation))
    return list(dict.fromkeys(filter(None, found)))


class Texts:
    """Sentences as ids: some to tune with, short ones with them, some to judge by, some of the first for the profile."""

    def __init__(self, checkpoint, text, seed):
        sentences, name, encode = read_sentences(checkpoint, text)
        random.Random(seed).shuffle(sentences)
        tuned, held = _files.hold_out(sentences)
        self.tuned, self.held, self.short = encode(tuned), encode(held), encode(short_texts(tuned, seed))
        count = len(self.tuned) + len(self.held)
        if count < LEAST:
            raise ValueError(f"the text has {count} distinct sentences; tuning needs at least {LEAST}, and tens of thousands are better")
        self.source = f"{count} sentences of {name}"

    def write(self, folder):
        """A file for transformer-compile --sequences."""
        ids = self.tuned[:PROFILED]
        path = os.path.join(folder, "sequences.safetensors")
        _files.write_tensors(path, {"ids": ("I32", np.concatenate(ids, dtype="<i4", casting="unsafe")),
                                    "lengths": ("I32", np.array([len(one) for one in ids], "<i4"))},
                             {"source": f"{len(ids)} of {self.source}"})
        return path


def copy_companions(source, folder):
    """Tokenizer and configuration."""
    for name in os.listdir(source):
        path = os.path.join(source, name)
        if os.path.isdir(path) and re.match(r"\d+_", name):
            shutil.copytree(path, os.path.join(folder, name))
        elif name.endswith(COMPANIONS) and name != "report.json" and not name.endswith(".index.json"):
            shutil.copy(path, os.path.join(folder, name))


def kind_of(model, source):
    """The output that the models are compared by, and how."""
    if "pixel_values" in model.input_names:
        raise ValueError(f"{source}: takes images, and tuning is by text")
    output = main_output(model)
    return output, "sentence" if output == "sentence_embedding" else "rows"


def restore_tables(student, folder):
    """Tables are not tuned, so rounded ones start from the original's numbers again, of `folder`."""
    from . import _graph
    theirs = _files.read_tensors(os.path.join(folder, _graph.WEIGHTS))
    ours = dict(student.named_parameters())
    for name in student.tables():
        if name in theirs and theirs[name][1].shape == tuple(ours[name].shape):
            ours[name].data.copy_(ours[name].new_tensor(np.asarray(theirs[name][1], np.float32)))


def distil(folder, checkpoint, texts, compile_, show, minutes, steps, seed, rate, threads):
    """The tuned weights take the place of the others in `folder`; returns the distillation."""
    import torch
    from . import _distil, _graph
    from ._muon import multiplies_bf16
    show("tuning: reading both models")
    student = _graph.read(folder)
    with tempfile.TemporaryDirectory(prefix="transformer-mlir-") as original:
        restore_tables(student, _graph.lift(compile_, [checkpoint], original))
        # Where products of bf16 are fast, what they lose (1e-5 of a cosine) is worth twice the speed.
        preset, compiled = "bf16" if multiplies_bf16() else "exact", os.path.join(original, "compiled")
        compile_([checkpoint, "-o", compiled, f"--preset={preset}", "--quiet"])
        teacher = load(compiled, threads)
        output, kind = kind_of(teacher, checkpoint)
        if output not in student.results:
            raise ValueError(f"the artifact gives {', '.join(student.output_names)}, and no {output}, by which it would be tuned")

        def target(part):
            return torch.from_numpy(teacher.run(part, outputs=[output])[output])

        tuning = _distil.Distillation(student, target, output, kind, texts.tuned + texts.short, texts.held, seed, rate)
        show(f"tuning on {len(texts.tuned):,} sentences, rate {tuning.rate:.1e}, held-out {tuning.words(tuning.first)}")
        weights = tuning.run(minutes, steps, show)
    show(f"tuning: held-out {tuning.words(tuning.first)} before, {tuning.words(tuning.best)} after {tuning.tokens:,} tokens"
         + (", interrupted" if tuning.interrupted else ""))
    _files.write_tensors(os.path.join(folder, _graph.WEIGHTS), {name: ("F32", value) for name, value in weights.items()},
                         {"format": "pt"})
    return tuning


def compiled_distance(tuning, out):
    """What `tuning` judges by, of compiled code."""
    import torch
    held = [ids for part in tuning.held_batches for ids in part]
    rows = torch.from_numpy(load(out).run(held, outputs=[tuning.output])[tuning.output])
    return float(tuning.difference(rows, torch.cat(tuning.held_targets)).double().mean())


def account(tuning, minutes, steps, seed, texts, **more):
    return {"source": texts.source, "held_out": len(texts.held), "minutes": None if steps else minutes, "steps": tuning.steps,
            "tokens": tuning.tokens, "seconds": tuning.seconds, "seed": seed, "rate": tuning.rate, "compared_by": tuning.output,
            "difference_before": tuning.first, "difference_tuned": tuning.best, "interrupted": tuning.interrupted, **more}


def compress_tuned(checkpoint, out, preset, text, compile_, *, minutes=10, steps=None, max_loss=None, seed=0, threads=None,
                   rate=None, pack=None, target_cpu="host", show=None):
    """`preset` with a structure that tuning repairs. If it does not help, the structure is compiled as it was."""
    torch = check(text, minutes, steps, seed, threads)
    cut = structure_of(preset, max_loss)
    _files.check_target(out)
    say = show or (lambda line: None)
    if threads:
        torch.set_num_threads(threads)
    from . import _graph
    texts = Texts(checkpoint, text, seed)
    with tempfile.TemporaryDirectory(prefix="transformer-mlir-") as folder:
        sequences = texts.write(folder)
        say("compressing the structure")
        profile = os.path.join(folder, "profile.safetensors")
        simple = "transformer-fold-weights,transformer-freeze,transformer-fuse{projections=false}"
        compile_([checkpoint, "--emit=profile", "-o", profile, f"--sequences={sequences}", "--quiet"])
        _graph.describe(compile_, [checkpoint], folder, f"{simple}," + cut.passes.format(profile=profile))
        copy_companions(checkpoint, folder)
        tuning = distil(folder, checkpoint, texts, compile_, say, minutes, steps, seed, rate, threads)
        accepted = tuning.best < tuning.first
        if not accepted:
            say("tuning did not help on the held-out sentences: the structure is compiled as it was")
        compile_([os.path.join(folder, _graph.TEXT), f"--weights={folder}", "-o", out, f"--preset={preset}", *NARROWING, *cut.bits,
                  f"--sequences={sequences}", f"--target-cpu={target_cpu}", *([f"--pack={pack}"] if pack else [])])
        remarks = by_module(_files.read_report(out)["remarks"], os.path.join(folder, _graph.TEXT))
    return finish(out, checkpoint, preset, account(tuning, minutes, steps, seed, texts, accepted=accepted, structure=cut.passes,
                                                   difference_compiled=compiled_distance(tuning, out)), remarks)


def finish(out, checkpoint, preset, tuned, remarks):
    report = _files.read_report(out)
    return _report.update(out, input=os.fspath(checkpoint), preset=preset, machine=_report.machine(), tune=tuned, remarks=remarks,
                          modules=_report.modules_of(out, checkpoint),
                          bytes={**report["bytes"], "checkpoint": size_of(checkpoint)})


def flags_of(report):
    """How an artifact was rounded: what of its command line is not about the structure."""
    words = shlex.split(report["command"])
    found = [word for word in words if word.split("=")[0] in KEPT_FLAGS and ("=" in word or word == "--compensate")]
    target = report.get("target", {})
    if target.get("device") == "cuda":
        found = [word for word in found if not word.startswith("--target")] + ["--target=nvptx", f"--gpu-chip={target['name']}"]
    return found + (list(NARROWING) if report["preset"] == "turbo" else [])


def tune(out, text, *, minutes=10, steps=None, output=None, against=None, seed=0, threads=None, rate=None, progress=None):
    """Tunes an artifact against the outputs of the checkpoint that it was made of, for `minutes`.

    `text`: sentences, or files with one a line as pathlib.Path; every tenth is
    held out, and decides whether the tuned model takes the place of the one
    in `out` (or goes to `output`). `steps` in place of minutes: the same seed then
    gives the same numbers on one machine. `against`: the checkpoint, where it is not where the report
    says. `threads` of PyTorch. Ctrl-C ends it early and keeps the best so far.
    Returns the report; its "tune" says what was gained. Needs PyTorch.
    """
    from ._compress import check_source, reporter, run_compiler
    torch = check(text, minutes, steps, seed, threads)
    show = reporter(progress)
    say = show or (lambda line: None)
    directory, report = os.fspath(out), _files.read_report(out)
    if report["preset"] == "static":
        raise ValueError(f"{directory}: is of the preset static, which is fitted already; compress it again with more text")
    if "pixel_values" in load(directory).input_names:
        raise ValueError(f"{directory}: takes images, and tuning is by text")
    checkpoint = check_source(against or report["input"])
    target = os.fspath(output) if output is not None else directory
    _files.check_target(target)
    if threads:
        torch.set_num_threads(threads)
    from . import _graph
    texts = Texts(checkpoint, text, seed)
    with tempfile.TemporaryDirectory(prefix="transformer-mlir-") as folder, \
            tempfile.TemporaryDirectory(prefix=".tune-", dir=os.path.dirname(os.path.realpath(target))) as beside:
        _graph.describe(run_compiler, [directory], folder)
        copy_companions(directory, folder)
        tuning = distil(folder, checkpoint, texts, run_compiler, say, minutes, steps, seed, rate, threads)
        before = after = compiled_distance(tuning, directory)
        fresh = os.path.join(beside, "fresh")
        if tuning.best < tuning.first:
            flags = flags_of(report)
            sequences = [f"--sequences={texts.write(folder)}"] if report["preset"] not in ("exact", "bf16") else []
            run_compiler([os.path.join(folder, _graph.TEXT), f"--weights={folder}", "-o", fresh, *flags, *sequences], show)
            after = compiled_distance(tuning, fresh)
        tuned = account(tuning, minutes, steps, seed, texts, accepted=after < before,
                        difference_of_artifact=before, difference_compiled=after)
        if after >= before:
            say(f"tuning did not help on the held-out sentences ({tuning.words(before)} before, {tuning.words(after)} after): "
                f"{directory} is left as it is")
            return {**report, "tune": tuned}
        finish(fresh, checkpoint, report["preset"], tuned,
               by_module(_files.read_report(fresh)["remarks"], os.path.join(folder, _graph.TEXT)))
        _folders.replace(fresh, target)
    say(f"{target}: held-out {tuning.words(before)} before, {tuning.words(after)} after")
    return _files.read_report(target)
