"""Small checkpoints with random weights, written without torch. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import json

import numpy as np

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(60))]
HIDDEN, INNER, LAYERS = 32, 64, 2
CONFIG = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
          "num_attention_heads": 4, "intermediate_size": INNER, "vocab_size": len(WORDS), "max_position_embeddings": 40,
          "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12}
VIT = {"model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
       "num_attention_heads": 4, "intermediate_size": INNER, "image_size": 16, "patch_size": 8, "num_channels": 3,
       "hidden_act": "gelu", "layer_norm_eps": 1e-12, "qkv_bias": True}


def save(path, tensors):
    header, end = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "I8" if array.dtype == np.int8 else "F32", "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(a.tobytes() for a in tensors.values()))


class Weights(dict):
    def __init__(self, seed):
        super().__init__()
        self.generator = np.random.default_rng(seed)

    def add(self, name, *shape, around=0.0, scale=0.3):
        self[name] = (around + scale * self.generator.standard_normal(shape)).astype(np.float32)

    def linear(self, name, inputs, outputs):
        self.add(f"{name}.weight", outputs, inputs)
        self.add(f"{name}.bias", outputs, scale=0.1)

    def norm(self, name):
        self.add(f"{name}.weight", HIDDEN, around=1.0, scale=0.1)
        self.add(f"{name}.bias", HIDDEN, scale=0.1)


def bert(folder, prefix="", seed=0, **config):
    """A BERT body; the caller adds heads to the weights that come back, and calls `write`."""
    folder.mkdir(parents=True)
    weights = Weights(seed)
    for table, rows in (("word", len(WORDS)), ("position", 40), ("token_type", 2)):
        weights.add(f"{prefix}embeddings.{table}_embeddings.weight", rows, HIDDEN, scale=1.0)
    weights.norm(f"{prefix}embeddings.LayerNorm")
    for i in range(LAYERS):
        layer = f"{prefix}encoder.layer.{i}."
        for part in ("query", "key", "value"):
            weights.linear(f"{layer}attention.self.{part}", HIDDEN, HIDDEN)
        weights.linear(f"{layer}attention.output.dense", HIDDEN, HIDDEN)
        weights.norm(f"{layer}attention.output.LayerNorm")
        weights.linear(f"{layer}intermediate.dense", HIDDEN, INNER)
        weights.linear(f"{layer}output.dense", INNER, HIDDEN)
        weights.norm(f"{layer}output.LayerNorm")
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    tokenizer(folder, WORDS)
    return weights


def write(folder, weights):
    save(folder / "model.safetensors", weights)
    return folder


def tokenizer(folder, words):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    found = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    found.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[
        ("[CLS]", words.index("[CLS]")), ("[SEP]", words.index("[SEP]"))])
    found.save(str(folder / "tokenizer.json"))


def sentence_model(folder, seed=0):
    weights = bert(folder, seed=seed)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(
        {"word_embedding_dimension": HIDDEN, "pooling_mode_mean_tokens": True}))
    (folder / "modules.json").write_text(json.dumps([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]))
    return write(folder, weights)


def classifier(folder, labels=3, **config):
    weights = bert(folder, "bert.", architectures=["BertForSequenceClassification"],
                   id2label={str(i): f"L{i}" for i in range(labels)}, **config)
    weights.linear("bert.pooler.dense", HIDDEN, HIDDEN)
    weights.linear("classifier", HIDDEN, labels)
    return write(folder, weights)


def token_model(folder, architecture, head, width):
    weights = bert(folder, "bert.", architectures=[architecture], id2label={str(i): f"L{i}" for i in range(width)})
    weights.linear(head, HIDDEN, width)
    return write(folder, weights)


def image_classifier(folder):
    folder.mkdir(parents=True)
    weights = Weights(0)
    weights.add("vit.embeddings.cls_token", 1, 1, HIDDEN)
    weights.add("vit.embeddings.position_embeddings", 1, 5, HIDDEN)
    weights.add("vit.embeddings.patch_embeddings.projection.weight", HIDDEN, 3, 8, 8, scale=0.1)
    weights.add("vit.embeddings.patch_embeddings.projection.bias", HIDDEN)
    for i in range(LAYERS):
        layer = f"vit.encoder.layer.{i}."
        for part in ("query", "key", "value"):
            weights.linear(f"{layer}attention.attention.{part}", HIDDEN, HIDDEN)
        weights.linear(f"{layer}attention.output.dense", HIDDEN, HIDDEN)
        weights.linear(f"{layer}intermediate.dense", HIDDEN, INNER)
        weights.linear(f"{layer}output.dense", INNER, HIDDEN)
        weights.norm(f"{layer}layernorm_before")
        weights.norm(f"{layer}layernorm_after")
    weights.norm("vit.layernorm")
    weights.linear("classifier", HIDDEN, 4)
    (folder / "config.json").write_text(json.dumps({**VIT, "id2label": {str(i): f"L{i}" for i in range(4)}}))
    return write(folder, weights)


def sentences(count, seed=0):
    """Distinct ones, of 3 to 12 words."""
    generator, found = np.random.default_rng(seed), []
    while len(found) < count:
        line = " ".join(f"w{i}" for i in generator.integers(0, 60, generator.integers(3, 13)))
        found += [] if line in found else [line]
    return found
