"""Latency of a compiled model, call by call in turn with PyTorch.

All systems take turns within one run, so that what else the machine does
meets them alike. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import pathlib
import statistics
import time

import numpy as np

from . import load

BURST = 0.15  # seconds of calls of one system before the next one's turn
HEAD = f"{'batch':>5} {'length':>6}  {'system':<16} {'median ms':>10} {'min ms':>10} {'p95 ms':>10} {'tokens/s':>10}"


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
        architecture = (self.json("config.json").get("architectures") or ["AutoModel"])[0]
        known = getattr(transformers, architecture, transformers.AutoModel)
        self.model = known.from_pretrained(str(checkpoint), dtype=torch.float32).eval()

    def json(self, name):
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def pool(self, hidden, mask):
        """As the checkpoint's sentence-transformers modules say."""
        modules = self.json("modules.json") or []
        paths = [m["path"] for m in modules if "Pooling" in m["type"]]
        settings = self.json(paths[0] + "/config.json") if paths else {}
        weight = mask[..., None].to(hidden.dtype)
        if settings.get("pooling_mode_cls_token") or settings.get("pooling_mode") == "cls":
            vector = hidden[:, 0]
        else:
            vector = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        if any("Normalize" in m["type"] for m in modules):
            vector = self.torch.nn.functional.normalize(vector, dim=1)
        return vector

    def __call__(self, name, ids, mask):
        """The output `name` of a padded batch."""
        with self.torch.inference_mode():
            padded, mask = not mask.all(), self.torch.from_numpy(mask)
            given = {"attention_mask": mask} if padded else {}
            out = self.model(input_ids=self.torch.from_numpy(ids), **given)
            if name == "sentence_embedding":
                result = self.pool(out.last_hidden_state, mask)
            elif name == "logits" and "start_logits" in out:
                result = self.torch.stack([out.start_logits, out.end_logits], -1)
            else:
                result = out[name]
            return result.numpy()


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleave(calls, rounds):
    """Name to seconds of each call; every round gives each system a burst, in turn."""
    counts, times = {}, {name: [] for name in calls}
    for name, call in calls.items():
        call()  # warm up
        counts[name] = max(1, min(200, int(BURST / max(seconds(call), 1e-6))))
    for turn in range(rounds):
        order = list(calls) if turn % 2 else list(reversed(calls))
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


def measure(out, against, batches, lengths, threads, rounds=7, show=None):
    model = load(out, threads)
    if "input_ids" not in model.input_names:
        raise RuntimeError(f"{out}: takes images; bench times models of token ids")
    lengths = lengths or [n for n in (8, 32, 128, 256) if n <= model.max_length] or [model.max_length]
    too_long = [n for n in lengths if n > model.max_length]
    if too_long:
        raise ValueError(f"--lengths: {too_long[0]} is more than the {model.max_length} tokens the model takes")
    reference = Reference(against, threads) if against else None
    name = main_output(model)
    generator, results = np.random.default_rng(0), []
    if show:
        show(f"output {name}, {threads} thread{'s' if threads > 1 else ''}, compiled for {model.target}")
        show(HEAD)
    for batch in batches:
        for length in lengths:
            ids = generator.integers(0, model.vocabulary, (batch, length))
            calls = {"transformer-mlir": lambda: model.run(ids, outputs=[name])}
            if reference:
                mask = np.ones_like(ids)
                calls["pytorch"] = lambda: reference(name, ids, mask)
            rows = {system: summary(t, batch * length) for system, t in interleave(calls, rounds).items()}
            results.append({"batch": batch, "length": length, "threads": threads, "systems": rows})
            for system, row in rows.items() if show else ():
                ratio = row["median_ms"] / rows["transformer-mlir"]["median_ms"]
                show(f"{batch:>5} {length:>6}  {system:<16} {row['median_ms']:>10.3f} {row['min_ms']:>10.3f} "
                     f"{row['p95_ms']:>10.3f} {row['tokens_per_second']:>10.0f}"
                     + (f"   {ratio:.2f}x the time" if system != "transformer-mlir" else ""))
    return results
