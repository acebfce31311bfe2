"""A compiled model in memory. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import json
import os
import pathlib
import threading
import weakref

import numpy as np

from . import _inputs, _packed
from ._library import Handle, levels

TOKENS_PER_CALL = {"cpu": 4096, "cuda": 32768}  # Ctrl-C is noticed between two native calls
IMAGES_PER_CALL = 16
PER_TOKEN = 0


def load(out, threads=None, *, pin=False, device=None):
    """Opens an artifact directory. `threads` per call; default: one per usable CPU.

    `device`: "cpu", "cuda" or "cuda:1", which the artifact must have been
    compiled for; default: what it was compiled for, and the first GPU.
    """
    return Model(out, threads, pin=pin, device=device)


def check_directory(out):
    directory = os.fspath(out)
    if isinstance(directory, bytes):
        directory = os.fsdecode(directory)
    if not os.path.exists(directory):
        raise FileNotFoundError(f"{directory}: no such directory")
    if not os.path.isdir(directory):
        raise NotADirectoryError(f"{directory}: is a file, expected the directory of a compiled model")
    if not os.path.exists(os.path.join(directory, "model.so")):
        advice = "compile it first with transformer_mlir.compress" if os.path.exists(
            os.path.join(directory, "config.json")) else "expected what transformer_mlir.compress has written"
        raise FileNotFoundError(f"{directory}: has no model.so; {advice}")
    return directory


def check_threads(threads):
    if threads is None:
        return 0
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)):
        raise TypeError(f"threads is {type(threads).__name__}, expected a number")
    if not 1 <= threads <= 1024:
        raise ValueError(f"threads is {threads}, expected 1 to 1024")
    return int(threads)


def check_device(device):
    """Its kind and number; None stays."""
    if device is None:
        return None
    kind, _, number = device.partition(":") if isinstance(device, str) else ("", "", "")
    if (kind, number) == ("cpu", ""):
        return kind, 0
    if kind != "cuda" or not (number.isdecimal() and len(number) < 4 or device == "cuda"):
        raise ValueError(f"device is {device!r}, expected 'cpu', 'cuda', or 'cuda:1' for the second GPU")
    return kind, int(number or 0)


class Model:
    """Made by `load`. Any number of threads may call one model at once."""

    def __init__(self, out, threads=None, *, pin=False, device=None):
        self.directory = check_directory(out)
        where = check_device(device)
        self._handle = Handle(self.directory, check_threads(threads), int(bool(pin)), where)
        self.ordinal = where[1] if where else 0  # of the GPU
        self.device = "cpu" if self._handle.kind == "cpu" else f"cuda:{self.ordinal}"
        weakref.finalize(self, self._handle.free).atexit = False
        self._inputs, self._outputs = self._handle.infos("input"), self._handle.infos("output")
        library, pointer = self._handle.library, self._handle.pointer
        self.max_length = library.tm_max_length(pointer)  # most tokens in a sequence
        self.threads = library.tm_threads(pointer)
        self.build_id = library.tm_build_id().decode()
        self.targets, self.target = levels(library, pointer)  # CPU levels or GPU chips of the code; the one that runs
        self._tokenizer, self._lock = None, threading.Lock()

    def __repr__(self):
        where = f"threads={self.threads}" if self.device == "cpu" else self.device
        return (f"<transformer_mlir.Model {self.directory!r}: {', '.join(self._inputs)} -> "
                f"{', '.join(self._outputs)}; {self.target}, {where}>")

    @property
    def input_names(self):
        return list(self._inputs)

    @property
    def outputs(self):
        """The names that `run` can give."""
        return list(self._outputs)

    @property
    def hidden(self):
        """The width of the hidden states (of the first output, if there are none)."""
        name = next((n for n in ("last_hidden_state", "sentence_embedding", "pooler_output")
                     if n in self._outputs), self.outputs[0])
        return self._outputs[name][2]

    @property
    def vocabulary(self):
        """Token ids are smaller than this; 0 for image models."""
        return self._inputs["input_ids"][3] if "input_ids" in self._inputs else 0

    def _select(self, outputs):
        if outputs is None:
            return self.outputs
        if isinstance(outputs, str):
            outputs = [outputs]
        if not isinstance(outputs, (list, tuple, set, frozenset)) or not all(isinstance(o, str) for o in outputs):
            raise TypeError("outputs: expected a list of names")
        unknown = [name for name in outputs if name not in self._outputs and name != "offsets"]
        if unknown:
            raise ValueError(f"outputs: the model has no {unknown[0]!r}; it has: {', '.join(self.outputs)}")
        return [name for name in self.outputs if name in outputs]

    def run(self, input_ids=None, attention_mask=None, token_type_ids=None, pixel_values=None, outputs=None, *,
            offsets=None, out=None, on_device=False):
        """Computes the outputs (default: all) of one batch; a dict of NumPy arrays.

        `input_ids`: a list of 1-D integer arrays of any lengths, or a 2-D
        array with `attention_mask` (each row ones, then zeros). Outputs that
        have a row per token come end to end, without padding: rows
        offsets[i] to offsets[i+1] belong to sequence i.

        Without copies: `input_ids` and `token_type_ids` end to end, and
        `offsets`, one more than there are sequences; `out`: a dict of arrays
        that receive outputs; `on_device`: the other outputs stay on the GPU,
        as a DeviceArray each. On a GPU, all arrays may lie in its memory, of
        any package that has DLPack: ids and offsets of int32, contiguous.
        """
        names = self._select(outputs)
        if _packed.is_wanted((input_ids, token_type_ids, pixel_values), offsets, out, on_device):
            return self._run_packed_arrays(input_ids, attention_mask, token_type_ids, pixel_values, names, offsets, out, on_device)
        if "pixel_values" in self._inputs:
            if input_ids is not None or attention_mask is not None or token_type_ids is not None:
                raise ValueError("the model takes images: pass pixel_values= and nothing else")
            return self._run_images(pixel_values, names)
        if pixel_values is not None:
            raise ValueError("the model takes token ids, not pixel_values")
        if input_ids is None:
            raise TypeError("input_ids is missing")
        batch = _inputs.Tokens(input_ids, attention_mask, token_type_ids)
        _inputs.check_lengths(batch.lengths, self.max_length)
        ids = _inputs.to_int32("input_ids", batch.ids, batch.lengths, self.vocabulary)
        return self._run_tokens(ids, self._types(batch), batch.lengths, names)

    def _run_packed_arrays(self, ids, mask, types, pixels, names, offsets, out, on_device):
        if mask is not None:
            raise ValueError("attention_mask: goes without offsets, out, on_device and arrays on a GPU; pass packed input_ids and offsets=")
        given = {"input_ids": ids, "token_type_ids": types, "pixel_values": pixels}
        unknown = [name for name, value in given.items() if value is not None and name not in self._inputs]
        if unknown:
            raise ValueError(f"{unknown[0]}: the model takes {', '.join(self._inputs)}")
        needed = "pixel_values" if "pixel_values" in self._inputs else "input_ids"
        if given[needed] is None:
            raise TypeError(f"{needed} is missing")
        infos = {name: self._outputs[name][1:3] for name in names}
        results, starts = _packed.Packed(self, self._handle).run(
            (ids, types, pixels), offsets, infos, out, on_device, self._inputs[needed][2])
        if starts is None:
            starts = np.arange(pixels.shape[0] + 1, dtype=np.int64) * self.max_length
        return self._finish(results, starts.astype(np.int64))

    def _types(self, batch):
        if batch.types is None:
            return None
        if "token_type_ids" in self._inputs:
            limit = self._inputs["token_type_ids"][3]
            return _inputs.to_int32("token_type_ids", batch.types, batch.lengths, limit)
        if batch.types.any():
            raise ValueError("token_type_ids: the model has no token types, so all must be 0")
        return None

    def _allocate(self, names, tokens, sequences):
        return {name: np.empty((tokens if self._outputs[name][1] == PER_TOKEN else sequences,
                                self._outputs[name][2]), np.float32) for name in names}

    def _part(self, results, tokens, sequences):
        return {name: array[tokens if self._outputs[name][1] == PER_TOKEN else sequences]
                for name, array in results.items()}

    def _finish(self, results, offsets):
        if any(self._outputs[name][1] == PER_TOKEN for name in results):
            results["offsets"] = offsets
        return results

    def _run_tokens(self, ids, types, lengths, names):
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        results = self._allocate(names, len(ids), len(lengths))
        begin, most = 0, TOKENS_PER_CALL[self._handle.kind]
        while begin < len(lengths):
            # As many whole sequences as fit, one at least.
            end = int(np.searchsorted(offsets, offsets[begin] + most, side="right")) - 1
            end = min(max(end, begin + 1), begin + most, len(lengths))
            tokens = slice(offsets[begin], offsets[end])
            own = (offsets[begin:end + 1] - offsets[begin]).astype(np.int32)
            batch = (end - begin, own, ids[tokens], None if types is None else types[tokens], None)
            self._handle.run(batch, self._part(results, tokens, slice(begin, end)))
            begin = end
        return self._finish(results, offsets)

    def _run_images(self, pixels, names):
        if pixels is None:
            raise TypeError("pixel_values is missing")
        width = self._inputs["pixel_values"][2]
        pixels = _inputs.check_pixels(pixels, width, self._image_shape(width))
        offsets = np.arange(len(pixels) + 1, dtype=np.int64) * self.max_length
        results = self._allocate(names, int(offsets[-1]), len(pixels))
        for begin in range(0, len(pixels), IMAGES_PER_CALL):
            end = min(begin + IMAGES_PER_CALL, len(pixels))
            parts = self._part(results, slice(offsets[begin], offsets[end]), slice(begin, end))
            self._handle.run((end - begin, None, None, None, pixels[begin:end]), parts)
        return self._finish(results, offsets)

    def _image_shape(self, width):
        try:
            config = json.loads((pathlib.Path(self.directory) / "config.json").read_text(encoding="utf-8"))
            size = config["image_size"]
            height, across = (size, size) if isinstance(size, int) else size
            shape = (int(config.get("num_channels", 3)), int(height), int(across))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return shape if shape[0] * shape[1] * shape[2] == width else None

    def encode(self, sentences, *, batch_size=1024, normalize=False):
        """Sentence embeddings, float32 [batch, hidden], as sentence-transformers computes them.

        A single string gives a single vector. `normalize` scales each row to
        length 1, where the checkpoint does not do so already.
        """
        single = isinstance(sentences, str)
        if not single and not hasattr(sentences, "__iter__"):
            raise TypeError(f"sentences is {type(sentences).__name__}, expected a list of str")
        texts = [sentences] if single else list(sentences)
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"sentences[{i}] is {type(text).__name__}, expected str")
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size is {batch_size!r}, expected a number of at least 1")
        if "sentence_embedding" not in self._outputs:
            raise RuntimeError("the checkpoint has no pooling modules (modules.json), so there is no sentence "
                               f"embedding; run gives: {', '.join(self.outputs)}")
        tokenizer = self._load_tokenizer()
        result = np.empty((len(texts), self._outputs["sentence_embedding"][2]), np.float32)
        for begin in range(0, len(texts), batch_size):
            ids, lengths, types = tokenizer.packed(texts[begin:begin + batch_size])
            result[begin:begin + batch_size] = self._run_packed(ids, lengths, types)
        if normalize:
            norms = np.linalg.norm(result, axis=1, keepdims=True)
            result /= np.maximum(norms, 1e-12)
        return result[0] if single else result

    def _run_packed(self, ids, lengths, types):
        """Sentence embeddings of what a tokenizer gave."""
        ids = _inputs.to_int32("input_ids", ids, lengths, self.vocabulary)
        if types is not None:
            limit = self._inputs["token_type_ids"][3] if "token_type_ids" in self._inputs else 0
            types = _inputs.to_int32("token_type_ids", types, lengths, limit) if limit else None
        return self._run_tokens(ids, types, lengths, ["sentence_embedding"])["sentence_embedding"]

    def _load_tokenizer(self):
        with self._lock:
            if self._tokenizer is None:
                from ._tokenizer import Tokenizer
                self._tokenizer = Tokenizer(self.directory, self.max_length)
            return self._tokenizer
