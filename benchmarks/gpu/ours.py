"""Chains by this compiler. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import subprocess

import chains
import numpy as np


def compile_text(source, weights, out, *arguments):
    from transformer_mlir._native import find
    done = subprocess.run([find("transformer-compile"), str(source), "--weights", str(weights), "--target=nvptx", "--quiet",
                           "-o", str(out), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr.strip())


def chip():
    """The best that this GPU runs."""
    import torch
    capability = torch.cuda.get_device_capability()
    return "--gpu-chip=" + ("sm_90a" if capability == (9, 0) else "sm_100" if capability >= (10, 0) else "sm_80")


class Chain:
    """A loaded model and its batch, both on the device."""

    def __init__(self, model, op, device):
        self.model, self.op = model, op
        ids = chains.ids(op).reshape(-1)
        offsets = np.arange(op.batch[0] + 1, dtype=np.int32) * np.int32(op.batch[1])
        self.out = np.empty((op.batch[0], op.width), np.float32)
        if device:
            import torch
            ids, offsets = torch.from_numpy(ids).to(device), torch.from_numpy(offsets)
            self.out = torch.empty(self.out.shape, device=device)
        self.given = {"input_ids": ids, "offsets": offsets.numpy() if device else offsets, "out": {"y": self.out}}

    def call(self):
        """Returns when the result is there."""
        self.model.run(**self.given)

    def result(self):
        self.call()
        return np.asarray(self.out.cpu() if hasattr(self.out, "cpu") else self.out)


def chain(op, count, folder, dtype, device="cuda", arguments=()):
    import transformer_mlir as tm
    name = f"{op.kind}-{'-'.join(map(str, op.shape + op.batch))}-{count}"
    source, weights, out = (folder / f"{name}.{end}" for end in ("mlir", "safetensors", "made"))
    if not out.exists():
        source.write_text(chains.text(op, count))
        chains.write_weights(weights, chains.weights(op))
        compile_text(source, weights, out, f"--dtype={dtype}", *(arguments or [chip()]))
    return Chain(tm.load(str(out), device="cuda"), op, device)


def difference(found, wanted):
    """The largest, in parts of the largest number."""
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def check(op, count, folder, dtype, device="cuda", arguments=()):
    """Whether both compute the same; says how far apart they are."""
    import torch
    with torch.inference_mode():
        wanted = chains.torch_chain(op, count, device or "cpu", torch.float32)().cpu().numpy()
    apart = difference(chain(op, count, folder, dtype, device, arguments).result(), wanted)
    print(f"{op.name}: {apart:.1e}", flush=True)
    return apart


def compile_checkpoint(checkpoint, out, dtype, arguments=()):
    from transformer_mlir._native import find
    done = subprocess.run([find("transformer-compile"), str(checkpoint), "--target=nvptx", "--quiet", "-o", str(out), f"--dtype={dtype}",
                           *(arguments or [chip()])], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr.strip())


def bert_call(model, ids, device="cuda"):
    """Hidden states of a rectangle, with arrays on the device."""
    import torch
    shape = ids.size, model.hidden
    given = torch.from_numpy(ids.reshape(-1)).to(device)
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * np.int32(ids.shape[1])
    out = {"last_hidden_state": torch.empty(shape, device=device)}
    return lambda: model.run(given, offsets=offsets, out=out, outputs=["last_hidden_state"])
