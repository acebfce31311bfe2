# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, tokenizers, torch, transformers, checkpoint
"""The reference checkpoint from end to end, against PyTorch float32."""
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import transformer_mlir as tm
from conftest import BUILD, ROOT

TEXTS = ["A cat sleeps.", "", "Kittens nap in the sun, mostly in the afternoon.", "MLIR " * 400, "über 9000 日本"]


@pytest.fixture(scope="module")
def model(artifact):
    return tm.load(artifact, threads=2)


@pytest.fixture(scope="module")
def reference(checkpoint):
    import torch
    import transformers
    torch.set_num_threads(2)
    model = transformers.AutoModel.from_pretrained(checkpoint).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)

    def run(texts):
        with torch.inference_mode():
            given = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
            out, mask = model(**given), given["attention_mask"]
            weight = mask[..., None].float()
            mean = (out.last_hidden_state * weight).sum(1) / weight.sum(1)
            embedding = torch.nn.functional.normalize(mean, dim=1)
            rows = out.last_hidden_state[mask.bool()]
            return given["input_ids"].numpy(), mask.numpy(), rows.numpy(), out.pooler_output.numpy(), embedding.numpy()

    return run


def close(ours, theirs):
    assert np.abs(ours - theirs).max() <= 2e-5 * max(1, np.abs(theirs).max())


def test_numbers(model, reference):
    ids, mask, rows, pooled, embedding = reference(TEXTS)
    out = model.run(ids, attention_mask=mask)
    close(out["last_hidden_state"], rows)
    close(out["pooler_output"], pooled)
    close(out["sentence_embedding"], embedding)
    ours = model.encode(TEXTS)
    assert (ours * embedding).sum(1).min() >= 0.999999
    np.testing.assert_array_equal(ours, out["sentence_embedding"])


def test_same_bits_for_any_split_and_thread_count(model, artifact):
    generator = np.random.default_rng(1)
    rows = [generator.integers(0, model.vocabulary, n) for n in (0, 1, 7, 128, 3, 64, 512, 33)]
    whole = model.run(rows)
    for threads in (1, 7):
        np.testing.assert_array_equal(tm.load(artifact, threads=threads).run(rows)["last_hidden_state"],
                                      whole["last_hidden_state"])
    for i, row in enumerate(rows):
        alone = model.run([row])
        begin, end = whole["offsets"][i:i + 2]
        np.testing.assert_array_equal(alone["last_hidden_state"], whole["last_hidden_state"][begin:end])
        np.testing.assert_array_equal(alone["sentence_embedding"][0], whole["sentence_embedding"][i])


def test_two_threads_at_once(model):
    expected, wrong = model.encode(TEXTS[:3]), []

    def work():
        for _ in range(5):
            wrong.extend([1] * (not np.array_equal(model.encode(TEXTS[:3]), expected)))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_loading_is_quick_and_sizes_are_small(artifact):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        tm.load(artifact)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1
    assert (artifact / "model.so").stat().st_size < 300_000
    assert json.loads((artifact / "report.json").read_text())["bytes"]["weights"] > 0


def command(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "TRANSFORMER_MLIR_BUILD": str(BUILD)}
    return subprocess.run([sys.executable, "-m", "transformer_mlir", *map(str, arguments)], capture_output=True,
                          text=True, env=environment, **options)


def test_commands(artifact, checkpoint, model, tmp_path):
    done = command("encode", artifact, "--text", "-", "-o", tmp_path / "e.npy", input="A cat sleeps.\n\nünder\n")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "e.npy"), model.encode(["A cat sleeps.", "", "ünder"]))
    done = command("inspect", artifact, "--json")
    ours, theirs = (json.loads(text)["total"] for text in (done.stdout, command("inspect", checkpoint, "--json").stdout))
    assert ours["macs"] == theirs["macs"] and 0.999 * theirs["parameters"] < ours["parameters"] < theirs["parameters"]
    done = command("bench", artifact, "--against", checkpoint, "--batch", 1, "--lengths", 8, "--rounds", 1, "--json")
    assert set(json.loads(done.stdout)[0]["systems"]) == {"transformer-mlir", "pytorch"}, done.stderr
    text = tmp_path / "lines.txt"
    text.write_text("A cat sleeps.\nTwo dogs run in the park.\n\n")
    rows = json.loads(command("bench", artifact, "--text", text, "--rounds", 1, "--json").stdout)
    assert [r["workload"] for r in rows] == ["text, as given", "text, sorted", "text, one by one", "text to embedding"]
    assert set(rows[-1]["us_per_sentence"]) == {"tokenizer", "packing", "model"}
    assert {r["tokens"] for r in rows} == {6 + 9} and {r["sentences"] for r in rows} == {2}


def test_profile_names_every_layer(artifact):
    done = command("bench", artifact, "--profile", "--lengths", 8, "--rounds", 1, "--json")
    assert done.returncode == 0, done.stderr
    result, = json.loads(done.stdout)
    times = {(s["op"], s["path"]): s["us"] for s in result["spans"]}
    for layer in range(6):
        assert times["attention", f"encoder.layer.{layer}.attention.self"] > 0
        assert times["linear+gelu", f"encoder.layer.{layer}.intermediate.dense"] > 0
        assert times["layer_norm", f"encoder.layer.{layer}.output.LayerNorm"] > 0
    assert 0 < sum(times.values()) <= result["us"] * 1.01


def test_an_older_artifact_is_replaced_and_anything_else_refused(artifact, checkpoint, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("precious")
    with pytest.raises(tm.CompileError, match="out"):
        tm.compress(checkpoint, out, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["out"] and (out / "notes.txt").exists()


def test_interrupted_compile_leaves_nothing(checkpoint, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "TRANSFORMER_MLIR_BUILD": str(BUILD)}
    # A test runner's workers ignore SIGINT, and what they start inherits that.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    child = subprocess.Popen([sys.executable, "-m", "transformer_mlir", "compress", checkpoint, "-o",
                              tmp_path / "out"], stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed)
    child.stderr.readline()  # it has begun
    child.send_signal(signal.SIGINT)
    assert "Traceback" not in child.communicate(timeout=30)[1]
    assert child.returncode == 130 and not list(tmp_path.iterdir())
