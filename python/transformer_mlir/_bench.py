"""Latency of a compiled model, call by call in turn with PyTorch.

All systems take turns within one run, so that what else the machine does
meets them alike. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import statistics
import time

import numpy as np

from . import load

BURST = 0.15  # seconds of calls of one system before the next one's turn
HEAD = f"{'batch':>5} {'length':>6}  {'system':<16} {'median ms':>10} {'min ms':>10} {'p95 ms':>10} {'tokens/s':>10}"


def compiled(model):
    name = "sentence_embedding" if "sentence_embedding" in model.outputs else model.outputs[0]
    return name, lambda ids: model.run(ids, outputs=[name])[name]


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
        self.torch = torch
        self.model = transformers.AutoModel.from_pretrained(str(checkpoint), dtype=torch.float32).eval()

    def hidden(self, ids, mask=None):
        with self.torch.inference_mode():
            mask = None if mask is None else self.torch.from_numpy(mask)
            return self.model(input_ids=self.torch.from_numpy(ids), attention_mask=mask).last_hidden_state

    def embed(self, ids, mask=None):
        """The mean over the tokens, scaled to length 1."""
        hidden = self.hidden(ids, mask)
        with self.torch.inference_mode():
            if mask is None:
                mean = hidden.mean(1)
            else:
                weight = self.torch.from_numpy(mask)[..., None].float()
                mean = (hidden * weight).sum(1) / weight.sum(1)
            return self.torch.nn.functional.normalize(mean, dim=1).numpy()


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
    too_long = [n for n in lengths if n > model.max_length]
    if too_long:
        raise ValueError(f"--lengths: {too_long[0]} is more than the {model.max_length} tokens the model takes")
    reference = Reference(against, threads) if against else None
    name, run = compiled(model)
    generator, results = np.random.default_rng(0), []
    if show:
        show(f"output {name}, {threads} thread{'s' if threads > 1 else ''}, compiled for {model.target}")
        show(HEAD)
    for batch in batches:
        for length in lengths:
            ids = generator.integers(0, model.vocabulary, (batch, length))
            calls = {"transformer-mlir": lambda: run(ids)}
            if reference:
                calls["pytorch"] = lambda: (reference.embed if name == "sentence_embedding" else reference.hidden)(ids)
            rows = {system: summary(t, batch * length) for system, t in interleave(calls, rounds).items()}
            results.append({"batch": batch, "length": length, "threads": threads, "systems": rows})
            for system, row in rows.items() if show else ():
                ratio = row["median_ms"] / rows["transformer-mlir"]["median_ms"]
                show(f"{batch:>5} {length:>6}  {system:<16} {row['median_ms']:>10.3f} {row['min_ms']:>10.3f} "
                     f"{row['p95_ms']:>10.3f} {row['tokens_per_second']:>10.0f}"
                     + (f"   {ratio:.2f}x the time" if system != "transformer-mlir" else ""))
    return results
