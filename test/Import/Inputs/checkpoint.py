"""Writes tiny checkpoints with random weights, with nothing but the standard library.

Usage: checkpoint.py KIND DIRECTORY [key=JSON ...]
KIND is a family (bert, distilbert, roberta, xlm-roberta, fnet, gpt2, vit), with a head behind a
colon where it has one: bert:ForMaskedLM. Further arguments overrule config.json.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import os
import random
import struct
import sys

H, INNER, LAYERS, HEADS, VOCAB, POSITIONS, TYPES, LABELS = 8, 16, 2, 2, 20, 12, 2, 3
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1,
         "BOOL": 1}


def count(shape):
    result = 1
    for dim in shape:
        result *= dim
    return result


def header(entries, metadata=None):
    """The JSON of a file with `entries`: name -> (dtype, shape), in order."""
    table, offset = {}, 0
    if metadata:
        table["__metadata__"] = metadata
    for name, (dtype, shape) in entries.items():
        end = offset + SIZES[dtype] * count(shape)
        table[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    return json.dumps(table, separators=(",", ":")).encode(), offset


def write_raw(path, text, data):
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def weights(dtype, size, rng):
    values = [rng.uniform(-0.5, 0.5) for _ in range(size)]
    if dtype == "F32":
        return struct.pack(f"<{size}f", *values)
    if dtype == "F16":
        return struct.pack(f"<{size}e", *values)
    if dtype == "BF16":
        return b"".join(struct.pack("<f", v)[2:] for v in values)
    return bytes(SIZES[dtype] * size)


def write(path, entries, seed=0):
    rng = random.Random(seed)
    text, _ = header(entries, {"format": "pt"})
    text += b" " * (-len(text) % 8)
    write_raw(path, text, b"".join(weights(d, count(s), rng) for d, s in entries.values()))


def linear(table, path, out, inner):
    table[path + ".weight"], table[path + ".bias"] = [out, inner], [out]


def norm(table, path):
    table[path + ".weight"], table[path + ".bias"] = [H], [H]


def bert_like(family, pruned):
    t = {}
    for name, rows in (("word", VOCAB), ("position", POSITIONS), ("token_type", TYPES)):
        t[f"embeddings.{name}_embeddings.weight"] = [rows, H]
    norm(t, "embeddings.LayerNorm")
    if family == "fnet":
        linear(t, "embeddings.projection", H, H)
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}."
        width = H // HEADS * (HEADS - len(pruned.get(str(i), [])))
        if family == "fnet":
            norm(t, layer + "fourier.output.LayerNorm")
        else:
            for part in "query", "key", "value":
                linear(t, layer + "attention.self." + part, width, H)
            linear(t, layer + "attention.output.dense", H, width)
            norm(t, layer + "attention.output.LayerNorm")
        linear(t, layer + "intermediate.dense", INNER, H)
        linear(t, layer + "output.dense", H, INNER)
        norm(t, layer + "output.LayerNorm")
    return t


def distilbert(family, pruned):
    t = {"embeddings.word_embeddings.weight": [VOCAB, H],
         "embeddings.position_embeddings.weight": [POSITIONS, H]}
    norm(t, "embeddings.LayerNorm")
    for i in range(LAYERS):
        layer = f"transformer.layer.{i}."
        for part in "q_lin", "k_lin", "v_lin", "out_lin":
            linear(t, layer + "attention." + part, H, H)
        norm(t, layer + "sa_layer_norm")
        linear(t, layer + "ffn.lin1", INNER, H)
        linear(t, layer + "ffn.lin2", H, INNER)
        norm(t, layer + "output_layer_norm")
    return t


def gpt2(family, pruned):
    t = {"wte.weight": [VOCAB, H], "wpe.weight": [POSITIONS, H]}
    for i in range(LAYERS):
        layer = f"h.{i}."
        norm(t, layer + "ln_1")
        norm(t, layer + "ln_2")
        for path, inner, out in (("attn.c_attn", H, 3 * H), ("attn.c_proj", H, H),
                                 ("mlp.c_fc", H, 4 * H), ("mlp.c_proj", 4 * H, H)):
            t[layer + path + ".weight"], t[layer + path + ".bias"] = [inner, out], [out]
    norm(t, "ln_f")
    return t


def vit(family, pruned):
    t = {"embeddings.cls_token": [1, 1, H], "embeddings.position_embeddings": [1, 5, H],
         "embeddings.patch_embeddings.projection.weight": [H, 3, 4, 4],
         "embeddings.patch_embeddings.projection.bias": [H]}
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}."
        for part in "query", "key", "value":
            linear(t, layer + "attention.attention." + part, H, H)
        linear(t, layer + "attention.output.dense", H, H)
        linear(t, layer + "intermediate.dense", INNER, H)
        linear(t, layer + "output.dense", H, INNER)
        norm(t, layer + "layernorm_before")
        norm(t, layer + "layernorm_after")
    norm(t, "layernorm")
    return t


FAMILIES = {  # family: (class prefix, prefix of the base model below a head, tensors)
    "bert": ("Bert", "bert.", bert_like), "roberta": ("Roberta", "roberta.", bert_like),
    "xlm-roberta": ("XLMRoberta", "roberta.", bert_like), "fnet": ("FNet", "fnet.", bert_like),
    "distilbert": ("DistilBert", "distilbert.", distilbert),
    "gpt2": ("GPT2", "transformer.", gpt2), "vit": ("ViT", "vit.", vit)}


def head_tensors(family, head):
    t = {}
    if head == "ForMaskedLM":
        dense, ln, bias = {
            "distilbert": ("vocab_transform", "vocab_layer_norm", "vocab_projector.bias"),
            "roberta": ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias")}.get(
                family.replace("xlm-", ""),
                ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm",
                 "cls.predictions.bias"))
        linear(t, dense, H, H)
        norm(t, ln)
        t[bias] = [VOCAB]
    elif head == "ForQuestionAnswering":
        linear(t, "qa_outputs", 2, H)
    elif head == "ForSequenceClassification" and family in ("roberta", "xlm-roberta"):
        linear(t, "classifier.dense", H, H)
        linear(t, "classifier.out_proj", LABELS, H)
    elif head.startswith("For"):
        if head == "ForSequenceClassification" and family == "distilbert":
            linear(t, "pre_classifier", H, H)
        linear(t, "classifier", LABELS, H)
    return t


def config(family, head):
    result = {"model_type": family, "architectures": [FAMILIES[family][0] + (head or "Model")],
              "vocab_size": VOCAB, "pad_token_id": 1 if "roberta" in family else 0}
    if family == "gpt2":
        result.update(n_embd=H, n_layer=LAYERS, n_head=HEADS, n_positions=POSITIONS)
    elif family == "distilbert":
        result.update(dim=H, n_layers=LAYERS, n_heads=HEADS, hidden_dim=INNER,
                      max_position_embeddings=POSITIONS)
    else:
        result.update(hidden_size=H, num_hidden_layers=LAYERS, intermediate_size=INNER,
                      max_position_embeddings=POSITIONS, type_vocab_size=TYPES)
        if family != "fnet":
            result["num_attention_heads"] = HEADS
        if family == "vit":
            result.update(image_size=8, patch_size=4)
    if head.endswith("Classification"):
        result["id2label"] = {str(i): f"LABEL_{i}" for i in range(LABELS)}
    return result


def tensors(family, head="", dtype="F32", pruned=None):
    """name -> (dtype, shape) of a whole checkpoint."""
    _, prefix, build = FAMILIES[family]
    base = build(family, pruned or {})
    if family in ("bert", "roberta", "xlm-roberta", "fnet", "vit") and head in (
            "", "ForSequenceClassification") and not (head and "roberta" in family):
        linear(base, "pooler.dense", H, H)
    named = {(prefix if head else "") + name: shape for name, shape in base.items()}
    named.update(head_tensors(family, head))
    return {name: (dtype, named[name]) for name in sorted(named)}


def make(kind, directory, dtype="F32", **overrule):
    family, _, head = kind.partition(":")
    os.makedirs(directory, exist_ok=True)
    values = {**config(family, head), **overrule}
    with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1)
    write(os.path.join(directory, "model.safetensors"),
          tensors(family, head, dtype, values.get("pruned_heads")))


if __name__ == "__main__":
    options = dict(argument.split("=", 1) for argument in sys.argv[3:])
    make(sys.argv[1], sys.argv[2], **{key: json.loads(value) for key, value in options.items()})
