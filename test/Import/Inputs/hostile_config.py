"""Hostile config.json and module files: name of the case -> (maker, expected texts).

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import os

import checkpoint


def replaced(name, content):
    """A file of the checkpoint with this content."""
    def spoil(directory):
        target = os.path.join(directory, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    return spoil


def values(family="bert", **overrule):
    """The valid config.json with other values, written with Python's idea of JSON."""
    text = json.dumps({**checkpoint.config(family, ""), **overrule})
    return replaced("config.json", text)


def without(key):
    table = checkpoint.config("bert", "")
    del table[key]
    return replaced("config.json", json.dumps(table))


def raw_value(key, text):
    table = checkpoint.config("bert", "")
    table[key] = "@"
    return replaced("config.json", json.dumps(table).replace('"@"', text))


def broken(**overrule):
    """Other values, and weights that cannot be read."""
    def spoil(directory):
        values(**overrule)(directory)
        replaced("model.safetensors", "x")(directory)
    return spoil


def size(text):
    return f"hidden_size is {text}; it must be a whole number from 1 to 1048576"


CASES = {
    "43 hidden_size 0": (values(hidden_size=0), size("0")),
    "43 hidden_size negative": (values(hidden_size=-8), size("-8")),
    "43 hidden_size 1e18": (values(hidden_size=10**18), size("1000000000000000000")),
    "43 hidden_size fraction": (values(hidden_size=8.5), size("8.5")),
    "43 hidden_size string": (values(hidden_size="8"), size("'8'")),
    "43 hidden_size list": (values(hidden_size=[8]), size("[8]")),
    "43 hidden_size null": (values(hidden_size=None), "hidden_size is missing"),
    "43 hidden_size true": (values(hidden_size=True), size("true")),
    "43 hidden_size absent": (without("hidden_size"), size("missing")),
    "44 heads do not divide": (values(num_attention_heads=3),
                               "num_attention_heads 3 does not divide the hidden size 8"),
    "45 no heads": (values(num_attention_heads=0), "num_attention_heads is 0"),
    "46 layers 1e9": (values(num_hidden_layers=10**9),
                      "num_hidden_layers is 1000000000; it must be a whole number from 0 to 4096"),
    "46 more layers than tensors": (values(num_hidden_layers=4096), "and ", "more problems"),
    "47 vocab_size": (values(vocab_size=21),
                      "'embeddings.word_embeddings.weight' has shape [20, 8]", "needs [21, 8]"),
    "49 model_type": (values(model_type="mamba"), "unknown model_type 'mamba' (supported: bert,"),
    "49 model_type absent": (without("model_type"), "model_type is missing (supported: bert,"),
    "49 activation": (values(hidden_act="swiglu"),
                      "unknown activation hidden_act = 'swiglu' (supported: gelu, gelu_new,"),
    "49 architecture": (values(architectures=["BertForNextSentencePrediction"]),
                        "(supported for bert: BertModel, BertForSequenceClassification,"),
    "49 positions": (values(position_embedding_type="relative_key"),
                     "position_embedding_type is 'relative_key' (supported: absolute)"),
    "49 decoder": (values(is_decoder=True), "is_decoder is true; only encoders"),
    "49 quantized": (values(quantization_config={"bits": 4}), "quantization_config is present"),
    "50 epsilon 0": (values(layer_norm_eps=0), "layer_norm_eps is 0; it must be a finite positive"),
    "50 epsilon negative": (values(layer_norm_eps=-1e-12), "layer_norm_eps is -1e-12"),
    "50 epsilon NaN": (values(layer_norm_eps=float("nan")), "invalid JSON at byte"),
    "50 epsilon too large": (raw_value("layer_norm_eps", "1e400"), "layer_norm_eps is"),
    "50 epsilon too small": (raw_value("layer_norm_eps", "1e-60"), "layer_norm_eps is 1e-60"),
    "50 epsilon string": (values(layer_norm_eps="1e-12"), "layer_norm_eps is '1e-12'"),
    "51 deep": (raw_value("x", "[" * 40_000), "nested deeper than 32 levels"),
    "51 duplicate": (raw_value("x", '1,"x":2'), "duplicate key 'x'"),
    "51 large": (replaced("config.json", " " * 2_000_000), "has 2000000 bytes; at most 1048576"),
    "51 empty": (replaced("config.json", ""), "found the end of the text"),
    "51 not an object": (replaced("config.json", "[1]"), "where a JSON object is expected"),
    "51 not UTF-8": (replaced("config.json", b'{"a":"\xff"}'), "not UTF-8"),
    "52 shapes": (values(intermediate_size=17), "has shape [16, 8]", "needs [17, 8]",
                  "has shape [8, 16]", "needs [8, 17]"),
    "52 pruned heads": (values(pruned_heads={"0": [0]}), "has shape [8, 8]", "needs [4, 8]"),
    "52 pruned head number": (values(pruned_heads={"0": [2]}),
                              "pruned_heads of layer 0 are [2]; they must be head numbers below 2"),
    "52 pruned layer": (values(pruned_heads={"7": [0]}), "names layer '7' of a model with 2 layers"),
    "52 all heads pruned": (values(pruned_heads={"0": [0, 1]}), "leaves layer 0 without heads"),
    "54 no weights for the head": (values(architectures=["BertForMaskedLM"]),
                                   "'cls.predictions.transform.dense.weight'", "is missing"),
    "all at once, and the weights": (broken(hidden_act="x", layer_norm_eps=0),
                                     "unknown activation", "layer_norm_eps is 0", "model.safetensors: "),
    "all at once": (values(hidden_act="x", layer_norm_eps=0, intermediate_size=17),
                    "unknown activation", "layer_norm_eps is 0", "needs [17, 8]"),
}


def modules(*extra, dense=None):
    """modules.json with a pooling module whose config is given, then others; `dense`: the config of a 2_Dense."""
    def spoil(directory):
        pooling, *others = extra
        kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), *others]
        replaced("modules.json", json.dumps(
            [{"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + kind}
             for i, (path, kind) in enumerate(kinds)]))(directory)
        replaced("1_Pooling/config.json", json.dumps(pooling))(directory)
        if dense:
            replaced("2_Dense/config.json", json.dumps(dense))(directory)
    return spoil


MEAN = {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": True}
CASES.update({
    "modules: two pooling modes": (modules({**MEAN, "pooling_mode_cls_token": True}),
                                   "the pooling mode is 'cls_token', 'mean_tokens'"),
    "modules: unknown pooling mode": (modules({"pooling_mode_weightedmean_tokens": True}),
                                      "the pooling mode is 'weightedmean_tokens'"),
    "modules: no pooling mode": (modules({}), "the pooling mode is none"),
    "modules: other width": (modules({**MEAN, "word_embedding_dimension": 9}),
                             "word_embedding_dimension is 9 but the model's hidden size is 8"),
    "modules: unknown module": (modules(MEAN, ("2_LSTM", "LSTM")), "module 2 is"),
    "modules: outside": (modules(MEAN, ("../2_Dense", "Dense")), "must be a name beside the file"),
    "modules: no array": (replaced("modules.json", "{}"), "holds no JSON array"),
    "modules: no settings": (modules(MEAN, ("2_Dense", "Dense")), "2_Dense/config.json"),
    "modules: no weights": (modules(MEAN, ("2_Dense", "Dense"), dense={"in_features": 8, "out_features": 4}),
                            "2_Dense: has no model.safetensors with the weights of this module"),
})

ROBERTA = {
    "positions": (values("roberta", pad_token_id=11),
                  "max_position_embeddings 12 leaves no position after pad_token_id 11"),
}
VIT = {
    "patch size": (values("vit", patch_size=3), "patch_size 3 does not divide the image size 8 x 8"),
    "patch larger than image": (values("vit", patch_size=16), "is larger than the image, 8 x 8"),
    "patch not square": (values("vit", patch_size=[4, 2]), "only square patches are supported"),
    "image size": (values("vit", image_size=[8, 8, 8]), "it must be one or two whole numbers"),
}
GPT2 = {
    "scale": (values("gpt2", scale_attn_weights="no"), "must be true or false"),
    "cross attention": (values("gpt2", add_cross_attention=True), "cross attention"),
    "head": (values("gpt2", architectures=["GPT2DoubleHeadsModel"]),
             "(supported for gpt2: GPT2Model, GPT2LMHeadModel,"),
}
