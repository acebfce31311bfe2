"""CTranslate2, which has no pooling: NumPy does it. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import ctranslate2
import numpy as np
from workloads import pad


def prepare(folder, checkpoint, shapes, int8=False):
    from ctranslate2.converters import TransformersConverter
    target = folder / ("ctranslate2-int8" if int8 else "ctranslate2")
    if not target.exists():
        TransformersConverter(str(checkpoint)).convert(str(target), quantization="int8" if int8 else None)


def load(folder, threads, int8=False):
    encoder = ctranslate2.Encoder(str(folder / ("ctranslate2-int8" if int8 else "ctranslate2")), device="cpu",
                                  compute_type="int8" if int8 else "float32", inter_threads=1, intra_threads=threads)

    def inputs(batch):
        ids, mask = pad(batch)
        return ids.astype(np.int32), mask.sum(1).astype(np.int32), mask[:, :, None].astype(np.float32)

    def run(given):
        ids, lengths, weight = given
        out = encoder.forward_batch(ctranslate2.StorageView.from_array(ids),
                                    ctranslate2.StorageView.from_array(lengths))
        mean = (np.array(out.last_hidden_state) * weight).sum(1) / weight.sum(1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    return inputs, run
