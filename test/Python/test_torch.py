# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, tokenizers, torch
"""to_torch: modules whose outputs are those of the compiled code."""
import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from transformer_mlir import _compress, _student

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return tiny.sentence_model(tmp_path_factory.mktemp("tiny") / "checkpoint")


def sequences(seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(0, len(tiny.WORDS), n) for n in (3, 9, 1, 40, 9, 9, 17)]


def compare(out, limit=1e-5, **given):
    """The largest difference of all outputs, of the size of the largest number."""
    expected, module = tm.load(out, threads=1).run(**given), tm.to_torch(out)
    with torch.no_grad():
        found = module(**given)
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].shape == array.shape
        assert np.abs(found[name].numpy() - array).max() <= limit * max(1, np.abs(array).max()), name
    return module


def compiled(source, out, passes):
    _compress.run_compiler([str(source), "-o", str(out), f"--passes={passes}"])
    return out


def test_exact(source, tmp_path):
    tm.compress(source, tmp_path / "out", "exact", progress=False)
    module = compare(tmp_path / "out", input_ids=sequences())
    names = dict(module.named_parameters())
    assert names["encoder.layer.1.attention.self.query.weight"].shape == (32, 32)
    assert isinstance(module.encoder, torch.nn.Module)
    dense = np.array([[2, 5, 6, 0], [2, 7, 0, 0]])
    mask = np.array([[1, 1, 1, 0], [1, 1, 0, 0]])
    compare(tmp_path / "out", input_ids=dense, attention_mask=mask)
    module(sequences())["sentence_embedding"].sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())


@pytest.mark.parametrize("passes, weight, shape", [
    ("transformer-fuse{projections=false},transformer-narrow-heads{heads=2}",
     "encoder.layer.0.attention.output.dense.weight", (32, 16)),
    ("transformer-fuse{projections=false},transformer-narrow-ffn{width=40 multiple=8}",
     "encoder.layer.1.output.dense.weight", (32, 40)),
    ("transformer-fuse{projections=false},transformer-narrow-heads{qk-rank=4 vo-rank=4 multiple=4}",
     "encoder.layer.0.attention.self.query.weight", (16, 32)),
    ("transformer-factorize-svd{rank=8}", None, None),
    ("transformer-factorize-svd{rank=28 pivoted=true}", None, None)])
def test_structures(source, tmp_path, passes, weight, shape):
    module = compare(compiled(source, tmp_path / "out", passes), input_ids=sequences())
    if weight:
        assert dict(module.named_parameters())[weight].shape == shape


@pytest.mark.parametrize("make", [
    tiny.classifier, lambda folder: tiny.token_model(folder, "BertForTokenClassification", "classifier", 5)])
def test_heads(make, tmp_path):
    tm.compress(make(tmp_path / "checkpoint"), tmp_path / "out", "exact", progress=False)
    compare(tmp_path / "out", input_ids=sequences())


def test_images(tmp_path):
    tm.compress(tiny.image_classifier(tmp_path / "checkpoint"), tmp_path / "out", "exact", progress=False)
    pixels = np.random.default_rng(0).standard_normal((3, 3, 16, 16)).astype(np.float32)
    compare(tmp_path / "out", pixel_values=pixels)


def test_one_query_per_sequence(source, tmp_path):
    """The structure of the preset static: attention whose queries have offsets of their own."""
    generator = np.random.default_rng(0)
    shapes = {"table": (64, 16), "query.weight": (16, 16), "query.bias": (16,), "up.weight": (24, 16), "up.bias": (24,),
              "down.weight": (32, 24), "down.bias": (32,), "widen.weight": (32, 16)}
    student = tmp_path / "student"
    student.mkdir()
    model, _ = _student.write(student, {name: generator.standard_normal(shape).astype(np.float32)
                                        for name, shape in shapes.items()}, 4, 40)
    _compress.run_compiler([model, f"--weights={student}", "-o", str(tmp_path / "out")])
    compare(tmp_path / "out", input_ids=sequences())


@pytest.mark.parametrize("preset, least", [("bf16", 0.9999), ("int8", 0.995), ("int4", 0.98), ("tiny", 0.99)])
def test_rounded(source, tmp_path, preset, least):
    """Weights are those of the artifact, multiplied out; activations are not rounded."""
    tm.compress(source, tmp_path / "out", preset, progress=False)
    ours = tm.load(tmp_path / "out").run(sequences())["sentence_embedding"]
    with torch.no_grad():
        theirs = tm.to_torch(tmp_path / "out")(sequences())["sentence_embedding"].numpy()
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert least < cosines.min() < 1 - 1e-9


def test_checkpoint(source):
    module = tm.to_torch(source)
    assert module(sequences())["last_hidden_state"].shape == (88, 32)


def test_refusals(source, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such checkpoint directory"):
        tm.to_torch(tmp_path / "none")
    out = tmp_path / "out"
    tm.compress(source, out, "tiny", progress=False)
    weights = out / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-100] ^= 1
    weights.write_bytes(data)
    with pytest.raises(_compress.CompileError, match="has been damaged"):
        tm.to_torch(out)
    (out / "model.mlir").unlink()
    with pytest.raises(FileNotFoundError, match="has no model.mlir"):
        tm.to_torch(out)
