"""Latency of a compiled model, call by call in turn with PyTorch.

All systems take turns within one run, so that what else the machine does
meets them alike. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import pathlib
import random
import statistics
import time

import numpy as np

from . import _endtoend, _profile, load

BURST = 0.15  # seconds of calls of one system before the next one's turn
TEXT_BATCH = 32
HEAD = (f"{'workload':<22} {'system':<16} {'median ms':>10} {'min ms':>10} {'p95 ms':>10} "
        f"{'tokens/s':>10} {'ratio':>7}")


PREFERRED = ("sentence_embedding", "logits", "last_hidden_state")


def main_output(model):
    """What a user of the checkpoint is after; one output is timed."""
    return next((name for name in PREFERRED if name in model.outputs), model.outputs[0])


class Reference:
    """The checkpoint in PyTorch float32, eager, as transformers loads it."""

    def __init__(self, checkpoint, threads):
        try:
            import torch
            import transformers
        except ImportError:
            raise RuntimeError("--against needs PyTorch: pip install torch transformers") from None
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        torch.set_num_threads(threads)
        self.torch, self.folder = torch, pathlib.Path(checkpoint)
        if not (self.folder / "config.json").is_file():  # or transformers looks for it in the network
            raise FileNotFoundError(f"{checkpoint}: has no config.json, so it is no checkpoint to compare with")
        # With sentence-transformers' modules it is the bare model, whatever head was trained.
        self.modules = self.json("modules.json") or []
        names = [] if self.modules else self.json("config.json").get("architectures")
        known = getattr(transformers, (names or ["AutoModel"])[0], transformers.AutoModel)
        self.model = known.from_pretrained(str(checkpoint), dtype=torch.float32, local_files_only=True).eval()

    def json(self, name):
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def embed(self, hidden, mask):
        """As the checkpoint's sentence-transformers modules say."""
        vector, functions = hidden, self.torch.nn.functional
        for module in self.modules[1:]:
            kind = module["type"].rpartition(".")[2]
            settings = self.json(module["path"] + "/config.json") if module.get("path") else {}
            if kind == "Pooling":
                vector = self.pool(hidden, mask, settings)
            elif kind == "Dense":
                vector = self.dense(vector, self.folder / module["path"], settings)
            elif kind == "Normalize":
                vector = functions.normalize(vector, dim=1)
        return vector

    def pool(self, hidden, mask, settings):
        modes = [key for key, value in settings.items() if key.startswith("pooling_mode_") and value is True]
        mode = settings.get("pooling_mode") or "".join(modes)
        weight = mask[..., None].to(hidden.dtype)
        if "cls" in mode:
            return hidden[:, 0]
        if "lasttoken" in mode:
            return hidden[self.torch.arange(len(hidden)), mask.sum(1) - 1]
        if "max" in mode:
            return hidden.masked_fill(weight == 0, float("-inf")).amax(1)
        return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)

    def dense(self, vector, folder, settings):
        from safetensors.torch import load_file
        weights = load_file(str(folder / "model.safetensors"))
        vector = self.torch.nn.functional.linear(vector, weights["linear.weight"].float(),
                                                 weights["linear.bias"].float() if "linear.bias" in weights else None)
        name = settings.get("activation_function", "torch.nn.modules.activation.Tanh").rpartition(".")[2]
        return getattr(self.torch.nn, name)()(vector)

    def __call__(self, name, ids, mask):
        """The output `name` of a padded batch."""
        with self.torch.inference_mode():
            padded, mask = not mask.all(), self.torch.from_numpy(mask)
            given = {"attention_mask": mask} if padded else {}
            out = self.model(input_ids=self.torch.from_numpy(ids), **given)
            if name == "sentence_embedding":
                result = self.embed(out.last_hidden_state, mask)
            elif name == "logits" and "start_logits" in out:
                result = self.torch.stack([out.start_logits, out.end_logits], -1)
            elif name == "logits" and "prediction_logits" in out:  # of a model as it was pretrained
                result = out.prediction_logits
            else:
                result = out[name]
            return result.numpy()

    def of_images(self, name, pixels):
        with self.torch.inference_mode():
            return self.model(pixel_values=self.torch.from_numpy(pixels))[name].numpy()


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleave(calls, rounds):
    """Name to seconds of each call; every round gives each system a burst, in random order."""
    counts, times = {}, {name: [] for name in calls}
    for name, call in calls.items():
        call()  # warm up
        counts[name] = max(1, min(200, int(BURST / max(seconds(call), 1e-6))))
    for turn in range(rounds):
        order = list(calls)
        random.Random(turn).shuffle(order)
        for name in order:
            burst = [seconds(calls[name]) for _ in range(counts[name] + 1)]
            times[name] += burst[1:]  # the first call refills the caches
    return times


def summary(times, tokens):
    ordered = sorted(times)
    median = statistics.median(ordered)
    return {"median_ms": median * 1e3, "min_ms": ordered[0] * 1e3,
            "p95_ms": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] * 1e3,
            "calls": len(ordered), "tokens_per_second": tokens / median}


class Workload:
    """Batches, each a list of sequences of ids, that are computed one after the other."""

    def __init__(self, name, batches, **details):
        self.name, self.batches, self.details = name, batches, details
        self.tokens = sum(len(ids) for batch in batches for ids in batch)

    def padded(self):
        """(ids, mask) of each batch, for systems that take rectangles."""
        for batch in self.batches:
            ids = np.zeros((len(batch), max(1, max(map(len, batch)))), np.int64)
            mask = np.zeros_like(ids)
            for row, sequence in enumerate(batch):
                ids[row, :len(sequence)] = sequence
                mask[row, :len(sequence)] = 1
            yield ids, mask


def shapes(model, batches, lengths):
    """Rectangles of random ids."""
    lengths = lengths or [n for n in (8, 32, 128, 256) if n <= model.max_length] or [model.max_length]
    too_long = [n for n in lengths if n > model.max_length]
    if too_long:
        raise ValueError(f"--lengths: {too_long[0]} is more than the {model.max_length} tokens the model takes")
    generator = np.random.default_rng(0)
    return [Workload(f"{batch}x{length}", [list(generator.integers(0, model.vocabulary, (batch, length)))],
                     batch=batch, length=length) for batch in batches for length in lengths]


def lines_of(path):
    with open(path, encoding="utf-8-sig") as file:
        lines = [line for line in file.read().split("\n") if line.strip()]
    if not lines:
        raise ValueError(f"{path}: has no text")
    return lines


def texts(model, path):
    """The lines of a file, in batches as they come, sorted by length, and one by one."""
    lines = lines_of(path)
    rows = [np.asarray(ids) for ids in model._load_tokenizer().encode(lines)[0]]
    ordered = sorted(rows, key=len)

    def cut(rows, size):
        return [rows[i:i + size] for i in range(0, len(rows), size)]

    return [Workload(name, cut(list_, size), sentences=len(rows))
            for name, list_, size in (("text, as given", rows, TEXT_BATCH), ("text, sorted", ordered, TEXT_BATCH),
                                      ("text, one by one", rows, 1))]


def calls_of(workload, model, reference, output):
    """Name of the system to a function that computes the workload once."""
    def ours():
        for batch in workload.batches:
            model.run(batch, outputs=[output])

    calls, padded = {"transformer-mlir": ours}, list(workload.padded())

    def theirs():
        for ids, mask in padded:
            reference(output, ids, mask)

    if reference:
        calls["pytorch"] = theirs
    return calls


def open_model(out, threads, device=None):
    model = load(out, threads, device=device)
    if "input_ids" not in model.input_names:
        raise RuntimeError(f"{out}: takes images; bench times models of token ids")
    return model


def code_of(model):
    others = f" of {', '.join(model.targets)}" if len(model.targets) > 1 else ""
    return f"code for {model.target}{others}" + ("" if model.device == "cpu" else f" on {model.device}")


def time_of(workload, calls, model, rounds, show):
    rows = {system: summary(t, workload.tokens) for system, t in interleave(calls, rounds).items()}
    for system, row in rows.items():
        row["ratio"] = row["median_ms"] / rows["transformer-mlir"]["median_ms"]
        if show:
            show(f"{workload.name:<22} {system:<16} {row['median_ms']:>10.3f} {row['min_ms']:>10.3f} "
                 f"{row['p95_ms']:>10.3f} {row['tokens_per_second']:>10.0f} {row['ratio']:>6.2f}x")
    return {"workload": workload.name, "tokens": workload.tokens, **workload.details, "threads": model.threads,
            "target": model.target, "systems": rows}


def measure(out, against, batches, lengths, threads, rounds=7, show=None, text=None, device=None):
    _endtoend.one_thread(threads)
    model = open_model(out, threads, device)
    workloads = texts(model, text) if text else shapes(model, batches, lengths)
    reference = Reference(against, threads) if against else None
    output, results = main_output(model), []
    if show:
        show(f"output {output}, {threads} thread{'s' if threads > 1 else ''}, {code_of(model)}; "
             "ratio: time by ours")
        show(HEAD)
    for workload in workloads:
        calls = calls_of(workload, model, reference, output)
        results.append(time_of(workload, calls, model, rounds, show))
    if text and output == "sentence_embedding":
        lines = lines_of(text)
        whole = Workload(_endtoend.NAME, [[ids for workload in workloads[:1] for batch in workload.batches for ids in batch]],
                         sentences=len(lines))
        results.append(time_of(whole, _endtoend.calls(model, reference, lines), model, rounds, show))
        parts = results[-1]["us_per_sentence"] = _endtoend.breakdown(model, lines)
        if show:
            show(f"{len(lines) * 1e3 / results[-1]['systems']['transformer-mlir']['median_ms']:.0f} sentences/s; microseconds "
                 "a sentence: " + ", ".join(f"{name} {part:.1f}" for name, part in parts.items()))
    return results


def profile(out, batches, lengths, threads, seconds, show=None, text=None, trace=None, device=None):
    """Time per op of the model for each workload; `trace` is a binary file for its events."""
    model, results, traces = open_model(out, threads, device), [], []
    if model.device != "cpu":
        raise RuntimeError(f"{out}: was compiled for NVIDIA GPUs, and --profile shows the ops of models on a CPU")
    output = main_output(model)
    lengths = lengths or [min(128, model.max_length)]
    for workload in texts(model, text) if text else shapes(model, batches, lengths):
        call = calls_of(workload, model, None, output)["transformer-mlir"]
        result = _profile.measure(model, call, seconds)
        results.append({"workload": workload.name, "tokens": workload.tokens, "threads": threads,
                        "target": model.target, **result})
        if show:
            show(f"{workload.name}: {result['us'] / 1e3:.3f} ms per call, mean of {result['calls']}; "
                 f"{threads} thread{'s' if threads > 1 else ''}, {code_of(model)}")
            for row in _profile.rows(result, threads):
                show(row)
            show("")
        if trace:
            traces.append(_profile.trace(model, call, workload.name))
    if trace:
        _profile.write_trace(trace, traces)
    return results
