# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, torch, transformers, tokenizers, gpu-emulator
"""Every family of models, and forms that compression gives them, on the driver of the tests: as on the CPU."""
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
import tiny
import transformer_mlir as tm
from devices import TEXTS, Made, check_parts, compile_model, text_arguments, text_batch
from test_families import DISTIL, GPT2, NO_HEADS, SMALL, VIT, build
from test_gpu import STUB

FAMILIES = [
    ("BertForSequenceClassification", "BertConfig", {**SMALL, "num_labels": 3}),
    ("DistilBertModel", "DistilBertConfig", DISTIL),
    ("RobertaForMaskedLM", "RobertaConfig", {**SMALL, "pad_token_id": 1}),
    ("FNetForMaskedLM", "FNetConfig", NO_HEADS),
    ("GPT2LMHeadModel", "GPT2Config", GPT2),
    ("ViTForImageClassification", "ViTConfig", {**VIT, "num_labels": 3}),
]


def check(checkpoint, folder, monkeypatch, limit, *flags):
    """The largest difference of all outputs, in parts of the largest number."""
    folder.mkdir()
    made = Made(checkpoint, folder, gpu=flags)
    monkeypatch.setenv("TM_LIBCUDA", str(STUB))
    monkeypatch.setenv("TM_STUB_KERNELS", str(made.kernels))
    device, host = tm.load(made.gpu, device="cuda"), tm.load(made.cpu)
    generator = np.random.default_rng(0)
    if "pixel_values" in host.input_names:
        given = {"pixel_values": generator.normal(size=(2, 3, 32, 32)).astype(np.float32)}
    else:
        given = {"input_ids": [generator.integers(3, host.vocabulary, n) for n in (1, 9, 14)]}
    expected, found = host.run(**given), device.run(**given)
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert np.abs(np.asarray(found[name]) - values).max() <= limit * max(1, np.abs(values).max()), name


@pytest.mark.parametrize("model, config, options", FAMILIES)
def test_family(model, config, options, tmp_path, monkeypatch):
    build(model, config, options).save_pretrained(tmp_path / "checkpoint")
    for dtype, limit in (("f32", 2e-6), ("f16", 5e-3)):
        check(tmp_path / "checkpoint", tmp_path / dtype, monkeypatch, limit, f"--dtype={dtype}")


@pytest.mark.parametrize("flags", [
    ["--preset=int8", "--attention=layer.1:mq"], ["--preset=int8", "--attention=.*:mean"],
    ["--preset=tiny"], ["--preset=turbo", "--qk-rank=4"], ["--preset=bf16"], ["--merge-projections"],
    ["--passes=transformer-factorize-svd{rank=8}"], ["--passes=transformer-factorize-svd{rank=16}", "--quantize=i8"],
    ["--preset=tiny", "--passes=transformer-factorize-svd{rank=28 pivoted=true}"]])
def test_compressed(flags, tmp_path, monkeypatch):
    source, made = tiny.sentence_model(tmp_path / "checkpoint"), tmp_path / "made"
    compile_model(source, "-o", made, *flags)
    check(made, tmp_path / "both", monkeypatch, 5e-2, "--dtype=f16")
    is_pair = any(flag.endswith(("rank=8}", "rank=16}")) for flag in flags)  # two linears in a row, and nothing between them
    assert is_pair == ("@linear_pair" in (tmp_path / "both/kernels.ll").read_text())


@pytest.mark.parametrize("flags", [["--preset=bf16"], ["--passes=transformer-factorize-svd{rank=16 pivoted=true}"]])
def test_compressed_images(flags, tmp_path, monkeypatch):
    """More than one linear between the patches and the row that is put before them."""
    build("ViTModel", "ViTConfig", {**VIT, "num_hidden_layers": 1}).save_pretrained(tmp_path / "checkpoint")
    compile_model(tmp_path / "checkpoint", "-o", tmp_path / "made", *flags)
    check(tmp_path / "made", tmp_path / "both", monkeypatch, 5e-2, "--dtype=f16")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("dtype, limit", [("f32", 2e-5), ("f16", 0.02)])
def test_every_kernel(name, dtype, limit, tmp_path, monkeypatch):
    """What test_cuda.py does on a GPU."""
    made = Made(text_arguments(name, tmp_path), tmp_path, gpu=[f"--dtype={dtype}"])
    monkeypatch.setenv("TM_LIBCUDA", str(STUB))
    monkeypatch.setenv("TM_STUB_KERNELS", str(made.kernels))
    device, host = tm.load(made.gpu, device="cuda"), tm.load(made.cpu)
    check_parts(device.run(**text_batch(host)), host.run(**text_batch(host)), limit)
