"""PyTorch as transformers loads it, with mean pooling and the l2 norm.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import warnings

import torch
import transformers
from workloads import pad


class Encoder(torch.nn.Module):
    def __init__(self, checkpoint, attention="sdpa"):
        super().__init__()
        transformers.logging.set_verbosity_error()
        self.bert = transformers.AutoModel.from_pretrained(checkpoint, attn_implementation=attention,
                                                           dtype=torch.float32)
        self.bert.pooler = None
        self.eval()

    def forward(self, input_ids, attention_mask):
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=1)


def export(path, checkpoint, shape=None):
    """The model as ONNX; dynamic, or of one shape."""
    if path.exists():
        return path
    warnings.filterwarnings("ignore")
    batch, length = shape or (2, 32)
    ids = torch.ones(batch, length, dtype=torch.int64)
    axes = None
    if not shape:
        axes = {name: {0: "b", 1: "n"} for name in ("input_ids", "attention_mask")}
        axes["embedding"] = {0: "b"}
    torch.onnx.export(Encoder(checkpoint, "eager"), (ids, ids), str(path), input_names=["input_ids", "attention_mask"],
                      output_names=["embedding"], dynamic_axes=axes, opset_version=17, dynamo=False)
    return path


def prepare(folder, checkpoint, shapes):
    (folder / "checkpoint").write_text(str(checkpoint))


def load(folder, threads):
    torch.set_num_threads(threads)
    model = Encoder((folder / "checkpoint").read_text())

    def run(inputs):
        with torch.inference_mode():
            return model(*inputs).numpy()

    return lambda batch: tuple(torch.from_numpy(a) for a in pad(batch)), run
