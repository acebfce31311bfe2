# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, tokenizers
"""compress with conditions, and quality of every kind of model, on small checkpoints that are compiled here."""
import json

import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from test_quality import command


def test_compress_with_conditions(tmp_path, capsys):
    source, out = tiny.sentence_model(tmp_path / "checkpoint"), tmp_path / "out"
    text = tmp_path / "text.txt"
    text.write_text("\n".join(tiny.sentences(100)))
    code, _, said = command(capsys, "compress", source, "-o", out, "--preset", "int8", "--fail-if", "smaller<3.9", "--quiet")
    assert code == 2 and said.startswith("transformer-mlir: failed: smaller is ") and "below 3.9" in said
    report = json.loads((out / "report.json").read_text())
    assert report["quality"]["sequences"] == 200 and "for want of text" in report["quality"]["judged_by"]
    assert "encoder.layer.0.output.dense" in report["modules"]["before"]
    page = (out / "report.html").read_text()
    assert "encoder.layer.1.attention.self.query" in page and "transformer-quantize-i8" in page and "http" not in page
    assert "for want of text" in page and "1x32" in page and "float32, same compiler" in page and "Not measured" not in page
    code, shown, _ = command(capsys, "compress", source, "-o", out, "--preset", "int8", "--eval-text", text,
                             "--fail-if", "spearman<0.9", "--fail-if", "faster<0.001")
    assert code == 0 and "cosine_mean" in shown
    report = json.loads((out / "report.json").read_text())
    assert report["quality"]["spearman"] > 0.9 and report["quality"]["text"]["distinct"] == 100
    assert (out / "report.html").read_text() != page
    # A checkpoint as the reference is the same as its exact artifact; other weights are far away.
    found = tm.quality(out, source, text=text)
    assert found["cosine_mean"] == report["quality"]["cosine_mean"] and "faster" not in found
    code, _, said = command(capsys, "quality", out, "--against", tiny.sentence_model(tmp_path / "other", seed=1),
                            "--text", text, "--fail-if", "spearman<0.9")
    assert code == 2 and "spearman is" in said
    # A model without a tokenizer says so before anything is compiled.
    (out / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match="has no tokenizer.json"):
        tm.quality(out, source, text=text)


HEADS = {
    "classes": tiny.classifier,
    "labels": lambda folder: tiny.classifier(folder, problem_type="multi_label_classification"),
    "value": lambda folder: tiny.classifier(folder, labels=1),
    "spans": lambda folder: tiny.token_model(folder, "BertForQuestionAnswering", "qa_outputs", 2),
    "tokens": lambda folder: tiny.token_model(folder, "BertForTokenClassification", "classifier", 5)}


@pytest.mark.parametrize("name", HEADS)
def test_heads(name, tmp_path):
    source = HEADS[name](tmp_path / "checkpoint")
    tm.compress(source, tmp_path / "out", "bf16", progress=False)
    lines = tiny.sentences(40)
    found = tm.quality(tmp_path / "out", source, text=lines)
    assert found["kind"] == "logits" and found["logits"] == {"tokens": "classes"}.get(name, name)
    assert 0 < found["logit_difference"] < 0.3
    tokens = sum(len(line.split()) + 2 for line in lines)
    assert found["rows"] == {"spans": 80, "tokens": tokens}.get(name, 40)
    if name == "value":
        assert found["spearman"] > 0.99 and "agreement" not in found
    else:
        assert found["agreement"] > 0.9 and 0 < found["kl_mean"] < 1e-3 < 1e-2
    with pytest.raises(ValueError, match="pairs are for models of embeddings"):
        tm.quality(tmp_path / "out", source, text=lines, pairs=[("a", "b")])


def test_hidden_states(tmp_path):
    source = tiny.write(tmp_path / "checkpoint", tiny.bert(tmp_path / "checkpoint"))
    tm.compress(source, tmp_path / "out", "bf16", progress=False)
    lines = tiny.sentences(40)
    found = tm.quality(tmp_path / "out", source, text=lines)
    assert found["kind"] == "hidden" and 0.999 < found["token_cosine_min"] <= found["token_cosine_mean"] < 1
    assert found["cosine_mean"] > 0.999 and found["spearman"] > 0.99


def test_images(tmp_path, capsys):
    source = tiny.image_classifier(tmp_path / "checkpoint")
    tm.compress(source, tmp_path / "out", "bf16", progress=False)
    pixels = np.random.default_rng(0).standard_normal((30, 3, 16, 16)).astype(np.float32)
    np.save(tmp_path / "pixels.npy", pixels)
    code, shown, _ = command(capsys, "quality", tmp_path / "out", "--against", source, "--pixels", tmp_path / "pixels.npy",
                             "--speed", "--json", "-", "--update-report")
    found = json.loads(shown)
    assert code == 0 and found["images"] == found["rows"] == 30 and found["agreement"] > 0.8 and found["faster"] > 0
    assert "30 images" in (tmp_path / "out" / "report.html").read_text()


def test_what_compress_measures(tmp_path, capsys):
    """By itself: times, and quality on text that nothing was fitted to."""
    source, out, text = tiny.sentence_model(tmp_path / "checkpoint"), tmp_path / "out", tmp_path / "text.txt"
    text.write_text("\n".join(tiny.sentences(400)))
    code, shown, _ = command(capsys, "compress", source, "-o", out, "--text", text, "--fail-if", "smaller<3.9")
    report = json.loads((out / "report.json").read_text())
    assert code == 2 and "1x32, one thread: p50" in shown and "spearman" in shown
    assert [row["workload"] for row in report["latency"]] == ["1x32"]  # the model takes 40 tokens
    assert all(0 < t["median_ms"] <= t["p95_ms"] for row in report["latency"] for t in row["systems"].values())
    assert report["quality"]["text"]["files"] == ["every 10th line of text.txt, which nothing was fitted to"]
    assert report["quality"]["text"]["distinct"] == 40 and report["quality"]["against"] == str(source)
    assert report["profile"]["source"] == "360 sentences of text.txt"
    assert command(capsys, "compress", source, "-o", out, "--text", text, "--no-measure", "--quiet")[0] == 0
    report = json.loads((out / "report.json").read_text())
    assert not {"latency", "quality"} & set(report) and report["profile"]["source"] == "400 sentences of text.txt"
    assert command(capsys, "compress", source, "-o", out, "--preset", "exact", "--quiet")[0] == 0
    report = json.loads((out / "report.json").read_text())
    assert "quality" not in report and [*report["latency"][0]["systems"]] == ["transformer-mlir"]
    code, _, said = command(capsys, "compress", tiny.image_classifier(tmp_path / "images"), "-o", tmp_path / "vit", "--quiet")
    report = json.loads((tmp_path / "vit" / "report.json").read_text())
    assert code == 0 and report["quality"]["images"] == 32 and report["latency"][0]["workload"] == "1 image"
    assert "synthetic images" in (tmp_path / "vit" / "report.html").read_text()
