"""How close a compressed model is to its original, by compiled code of both.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import os
import pathlib

import numpy as np

from . import _files, _gates, _logits, _metrics, _retrieval
from ._bench import main_output
from ._compress import check_source, reporter
from ._model import check_directory, check_threads, load
from ._sides import Sides, reference_of
from ._tokenizer import read_json

LEAST = 20  # distinct texts


def read_texts(sources):
    """Those of _files.read_texts, which must be enough to judge by."""
    texts, counts = _files.read_texts(sources)
    if len(texts) < LEAST:
        raise ValueError(f"{', '.join(counts['files']) or 'text'}: {len(texts)} distinct lines that are not empty; "
                         f"quality needs at least {LEAST}, and says little below 1,000")
    return texts, counts


def read_pairs(source):
    """Query-answer pairs of a file with a tab in each line, or of a list of pairs."""
    if isinstance(source, (str, os.PathLike)):
        name, pairs = os.fspath(source), []
        for number, line in enumerate(_files.read_lines(name), 1):
            parts = tuple(part.strip() for part in line.split("\t"))
            if line.strip() and (len(parts) != 2 or not all(parts)):
                raise ValueError(f"{name}: line {number} is not a query, a tab and an answer")
            pairs += [parts] if line.strip() else []
    else:
        name, pairs = "pairs", [tuple(pair) for pair in source]
        if any(len(pair) != 2 or not all(isinstance(text, str) and text.strip() for text in pair) for pair in pairs):
            raise TypeError("pairs: expected a file, or a list of (query, answer)")
    found = _retrieval.Pairs(pairs)
    if min(len(found.queries), len(found.answers)) < LEAST:
        raise ValueError(f"{name}: {len(found.queries)} distinct queries and {len(found.answers)} distinct answers; "
                         f"at least {LEAST} of both are needed")
    return found


def read_pixels(source):
    pixels = _files.read_array(os.fspath(source)) if isinstance(source, (str, os.PathLike)) else np.asarray(source)
    if pixels.ndim != 4 or len(pixels) < LEAST:
        raise ValueError(f"pixels: have the shape {' x '.join(map(str, pixels.shape))}; expected images x channels x "
                         f"height x width, of at least {LEAST} images")
    return pixels


def logits_of(model):
    """What the model's rows of logits mean, or None."""
    if main_output(model) != "logits":
        return None
    return _logits.kind_of(read_json(pathlib.Path(model.directory) / "config.json"), model._outputs["logits"][2])


def check_wanted(names, model, pairs):
    """Refuses a metric that this kind of model does not have, before the work."""
    output, logits = main_output(model), logits_of(model)
    kind = "sentence" if output == "sentence_embedding" else "value" if logits == "value" else \
        "logits" if logits else "hidden"
    for name in names:
        if name in _gates.PAIR_METRICS:
            if pairs is None:
                raise ValueError(f"{name} needs query-answer pairs: pass --pairs FILE.tsv")
        elif name not in _gates.KINDS[kind]:
            raise ValueError(f"{name} is not measured for a model that gives {output}; "
                             f"there are: {', '.join(_gates.KINDS[kind])}")


def check_inputs(model, out, text, pairs, pixels, sequences):
    """The texts, their counts, the pairs and the pixels, as far as the model takes them."""
    if sequences is not None:
        return None, {}, None, None
    if "pixel_values" in model.input_names:
        if text is not None or pairs is not None or pixels is None:
            raise ValueError(f"{out}: takes images: pass pixels, and neither text nor pairs")
        return None, {}, None, read_pixels(pixels)
    if pixels is not None or text is None:
        raise ValueError(f"{out}: takes text: pass text, and no pixels")
    if pairs is not None and main_output(model) == "logits":
        raise ValueError(f"{out}: gives logits; pairs are for models of embeddings")
    texts, counts = read_texts(text)
    model._load_tokenizer()
    return texts, counts, None if pairs is None else read_pairs(pairs), None


def judge(sides, blocks, seed):
    """The metrics of all blocks of outputs."""
    if sides.kind == "logits":
        agreement = _logits.Agreement(logits_of(sides.models[1]))
        for block in blocks:
            agreement.add(*block)
        return agreement.result(seed)
    cosines = []

    def seen():
        for block in blocks:
            if sides.per_token:
                cosines.append(_metrics.row_cosines(*block[:2]))
            yield block

    result = _metrics.embedding_quality(*sides.vectors(seen()), seed)
    if cosines:
        result |= {f"token_{k}": v for k, v in _metrics.cosine_summary(np.concatenate(cosines)).items()}
    return result


def judge_pairs(sides, pairs, seed):
    queries, answers = (sides.vectors(sides.texts(texts)) for texts in (pairs.queries, pairs.answers))
    ranks = [_retrieval.answer_ranks(q, a, pairs.right) for q, a in zip(queries, answers)]
    return {**_retrieval.pair_quality(*ranks, seed), "pair_answers": len(pairs.answers)}


def sizes(out, against):
    """Bytes of the artifact; how many times smaller it is than the checkpoint, where that is known."""
    weights = os.path.getsize(os.path.join(out, "weights.safetensors"))
    result = {"weights_bytes": weights, "library_bytes": os.path.getsize(os.path.join(out, "model.so"))}
    try:
        checkpoint = _files.read_report(out)["bytes"]["checkpoint"]
    except (OSError, ValueError, KeyError, TypeError):
        path = os.path.join(against, "model.safetensors")
        checkpoint = os.path.getsize(path) if os.path.exists(path) else None
    return {**result, "smaller": checkpoint / weights} if checkpoint and weights else result


def quality(out, against, text=None, pairs=None, pixels=None, *, sequences=None, speed=False, seed=0, threads=None,
            progress=None, wanted=()):
    """Measures how close the artifact `out` is to `against`, the checkpoint that it came from or another artifact.

    A checkpoint is compiled exactly first, so compiled code runs on both sides. `text`: a file, or a list of
    sentences (str) and of files with one a line (pathlib.Path). `pairs`: a file of query, tab, answer in each line, or
    a list of such pairs. `pixels`: for image models, an array [images, channels, height, width] or a .npy file.
    `sequences`: arrays of token ids, in place of text.
    `speed`: time both too. `wanted`: names of metrics that must be among the results. Returns a flat dict;
    docs/quality.md tells what each number means.

    The pairs of sentences whose scores are compared are drawn evenly over the range of the reference's score: the
    pool is all pairs of sentences, or, of more than 632 sentences, 200,000 random ones and the ten nearest
    neighbours of each of up to 5,000; its range is cut into 20 intervals, and 20,000 pairs are taken, the same number
    from each interval as far as they go.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is {seed!r}, expected a number of at least 0")
    show, threads = reporter(progress), check_threads(threads) or None
    directory, source = check_directory(out), check_source(against)
    if not any(os.path.exists(os.path.join(source, name)) for name in ("model.so", "config.json")):
        raise FileNotFoundError(f"{source}: is neither a checkpoint (config.json) nor an artifact (model.so)")
    other = load(directory, threads)
    texts, counts, pairs, pixels = check_inputs(other, directory, text, pairs, pixels, sequences)
    check_wanted(wanted, other, pairs)
    with reference_of(source, threads, show) as reference:
        sides = Sides(reference, other, (source, directory), show)
        result = {"out": directory, "against": source, "kind": sides.kind, "output": sides.output,
                  **({"text": counts} if texts else {"sequences": len(sequences)} if sequences else {"images": len(pixels)})}
        blocks = sides.texts(texts) if texts else sides.sequences(sequences) if sequences else sides.images(pixels)
        measured = judge(sides, blocks, seed)
        intervals = measured.pop("intervals", {})
        if pairs:
            found = judge_pairs(sides, pairs, seed)
            intervals |= found.pop("intervals")
            measured |= found
        if speed or set(wanted) & set(_gates.SPEED_METRICS):
            measured |= sides.speed()
    return {**result, **measured, **sizes(directory, source), "intervals": intervals, "seed": seed,
            "threads": other.threads, "target": other.target}
