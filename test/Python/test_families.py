# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, torch, transformers
"""Every family and head, with random weights, against PyTorch float32."""
import json

import numpy as np
import pytest

import transformer_mlir as tm

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
load_file, save_file = (getattr(pytest.importorskip("safetensors.torch"), n) for n in ("load_file", "save_file"))

SMALL = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, vocab_size=200,
             max_position_embeddings=40)
DISTIL = dict(dim=48, n_layers=2, n_heads=4, hidden_dim=96, vocab_size=200, max_position_embeddings=40)
GPT2 = dict(n_embd=48, n_layer=2, n_head=4, vocab_size=200, n_positions=40, bos_token_id=0, eos_token_id=0)
VIT = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, image_size=32,
           patch_size=8)
NO_HEADS = {k: v for k, v in SMALL.items() if k != "num_attention_heads"}
CASES = [
    ("BertModel", "BertConfig", SMALL, 40),
    ("BertModel", "BertConfig", {**SMALL, "hidden_act": "gelu_new", "hidden_size": 40, "num_attention_heads": 5}, 40),
    ("BertForSequenceClassification", "BertConfig", {**SMALL, "num_labels": 3, "hidden_act": "relu"}, 40),
    ("BertForTokenClassification", "BertConfig", {**SMALL, "num_labels": 5, "hidden_act": "silu"}, 40),
    ("BertForQuestionAnswering", "BertConfig", SMALL, 40),
    ("BertForMaskedLM", "BertConfig", SMALL, 40),
    ("BertForPreTraining", "BertConfig", SMALL, 40),
    ("DistilBertModel", "DistilBertConfig", DISTIL, 40),
    ("DistilBertForSequenceClassification", "DistilBertConfig", {**DISTIL, "num_labels": 2}, 40),
    ("DistilBertForMaskedLM", "DistilBertConfig", DISTIL, 40),
    ("RobertaModel", "RobertaConfig", {**SMALL, "pad_token_id": 1}, 38),
    ("RobertaForSequenceClassification", "RobertaConfig", {**SMALL, "pad_token_id": 1, "num_labels": 3}, 38),
    ("XLMRobertaModel", "XLMRobertaConfig", {**SMALL, "pad_token_id": 1}, 38),
    ("FNetModel", "FNetConfig", NO_HEADS, 40),
    ("FNetForMaskedLM", "FNetConfig", NO_HEADS, 40),
    ("FNetForPreTraining", "FNetConfig", NO_HEADS, 40),
    ("GPT2Model", "GPT2Config", GPT2, 40),
    ("GPT2LMHeadModel", "GPT2Config", GPT2, 40),
    ("BertForMaskedLM", "BertConfig", {**SMALL, "tie_word_embeddings": False}, 40),
    ("RobertaForMaskedLM", "RobertaConfig", {**SMALL, "pad_token_id": 1, "tie_word_embeddings": False}, 38),
]


def build(model, config, options):
    torch.manual_seed(0)
    reference = getattr(transformers, model)(getattr(transformers, config)(**options)).eval()
    with torch.no_grad():
        for parameter in reference.parameters():  # biases and norms start as zeros and ones
            parameter.add_(0.05 * torch.randn_like(parameter))
    return reference


def make(folder, model, config, options):
    reference = build(model, config, options)
    reference.save_pretrained(folder / "checkpoint")
    tm.compress(folder / "checkpoint", folder / "out", "exact", progress=False)
    return reference, tm.load(folder / "out", threads=2)


def outputs_of(result):
    found = {k: result[k].reshape(-1, result[k].shape[-1]).numpy()
             for k in ("last_hidden_state", "logits", "pooler_output") if result.get(k) is not None}
    if "prediction_logits" in result:
        found["logits"] = result["prediction_logits"][0].numpy()
    if "start_logits" in result:
        found["logits"] = torch.stack([result.start_logits[0], result.end_logits[0]], -1).numpy()
    return found


def close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 2e-5 * max(1, np.abs(theirs).max())


def same_in_torch(artifact, out, **given):
    """tm.to_torch knows every op of every family."""
    with torch.inference_mode():
        found = tm.to_torch(artifact)(**given)
    for name, values in out.items():
        close(found[name].numpy(), values)


@pytest.mark.parametrize("model, config, options, longest", CASES)
def test_text_model(model, config, options, longest, tmp_path):
    reference, compiled = make(tmp_path, model, config, options)
    assert compiled.max_length == longest
    generator = np.random.default_rng(0)
    rows = [generator.integers(2, 200, n) for n in (1, 7, longest, 13)]
    out = compiled.run(rows)
    with torch.inference_mode():
        theirs = [outputs_of(reference(torch.from_numpy(row)[None])) for row in rows]
    assert theirs[0] and set(theirs[0]) <= set(out)
    for name in theirs[0]:
        close(out[name], np.concatenate([one[name] for one in theirs]))
    same_in_torch(tmp_path / "out", out, input_ids=rows)
    for name in compiled.outputs:  # neither order nor company matters
        alone = np.concatenate([compiled.run([row], outputs=[name])[name] for row in rows])
        np.testing.assert_array_equal(out[name], alone)
    with pytest.raises(ValueError, match=f"at most {longest}"):
        compiled.run([np.zeros(longest + 1, np.int64)])
    with pytest.raises(ValueError, match="expected 0 to 199"):
        compiled.run([[200]])


@pytest.mark.parametrize("model", ["ViTModel", "ViTForImageClassification"])
def test_image_model(model, tmp_path):
    reference, compiled = make(tmp_path, model, "ViTConfig", {**VIT, "num_labels": 3})
    pixels = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)
    out = compiled.run(pixel_values=pixels)
    with torch.inference_mode():
        theirs = outputs_of(reference(torch.from_numpy(pixels)))
    for name, values in theirs.items():
        close(out[name], values)
    same_in_torch(tmp_path / "out", out, pixel_values=pixels)
    np.testing.assert_array_equal(compiled.run(pixel_values=pixels[1:2])[compiled.outputs[0]],
                                  out[compiled.outputs[0]][17:34])


KEEP = list(range(12)) + list(range(24, 48))  # without the second of four heads of 12
PROJECTIONS = ("query", "key", "value", "q_lin", "k_lin", "v_lin", "q_proj", "k_proj", "v_proj")
OUTPUTS = ("attention.output.dense.weight", "out_lin.weight", "o_proj.weight")


def prune(name, tensor):
    """A tensor of layer 0 as it is saved once that head is gone."""
    if "attn.c_attn" in name:
        return tensor.view(*tensor.shape[:-1], 3, 48)[..., KEEP].flatten(-2)
    if "attn.c_proj.weight" in name:
        return tensor[KEEP]
    if name.endswith(OUTPUTS):
        return tensor[:, KEEP]
    return tensor[KEEP] if name.rpartition(".")[0].endswith(PROJECTIONS) else tensor


@pytest.mark.parametrize("model, config, options", [
    ("BertModel", "BertConfig", SMALL), ("RobertaModel", "RobertaConfig", {**SMALL, "pad_token_id": 1}),
    ("DistilBertModel", "DistilBertConfig", DISTIL), ("GPT2Model", "GPT2Config", GPT2), ("ViTModel", "ViTConfig", VIT)])
def test_pruned_heads(model, config, options, tmp_path):
    """A head that adds nothing may as well be missing."""
    reference = build(model, config, options)
    gone = [i for i in range(48) if i not in KEEP]
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            if ".0." in name and name.endswith(OUTPUTS):
                parameter[:, gone] = 0
            elif ".0." in name and name.endswith("attn.c_proj.weight"):
                parameter[gone] = 0
    folder = tmp_path / "checkpoint"
    reference.save_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    save_file({n: prune(n, t).contiguous() if ".0." in n else t for n, t in tensors.items()},
              folder / "model.safetensors")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "pruned_heads": {"0": [1]}}))
    tm.compress(folder, tmp_path / "out", "exact", progress=False)
    compiled = tm.load(tmp_path / "out", threads=1)
    if model == "ViTModel":
        given = {"pixel_values": np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)}
    else:
        given = {"input_ids": np.random.default_rng(0).integers(2, 200, (1, 9))}
    with torch.inference_mode():
        theirs = outputs_of(reference(**{k: torch.from_numpy(v) for k, v in given.items()}))
    out = compiled.run(**given)
    for name, values in theirs.items():
        close(out[name], values)
