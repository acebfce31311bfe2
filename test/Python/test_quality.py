# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, tokenizers
"""quality, report and their commands on fake models: inputs, refusals, exit codes, files."""
import json
import pathlib
import shutil

import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from conftest import make_fake
from transformer_mlir._cli import main

REPORT = {"format": 1, "version": "0", "input": "some/checkpoint", "preset": "int8",
          "bytes": {"checkpoint": 640, "weights": 64, "library": 7}}


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    return make_fake(tmp_path_factory.mktemp("fake") / "squares", "-DFAKE_SQUARES")


@pytest.fixture
def sides(fake, squares, tmp_path):
    """(artifact, reference): two fakes that differ, with one tokenizer."""
    for name, source in (("out", squares), ("against", fake)):
        shutil.copytree(source, tmp_path / name)
        tiny.tokenizer(tmp_path / name, tiny.WORDS)
    (tmp_path / "out" / "report.json").write_text(json.dumps(REPORT))
    return tmp_path / "out", tmp_path / "against"


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(["", *tiny.sentences(60), "  ", tiny.sentences(2)[1] + " "]) + "\n")
    return path


def test_values(sides, lines):
    out, against = sides
    found = tm.quality(out, against, text=lines)
    assert found["text"] == {"files": [str(lines)], "lines": 63, "empty": 2, "repeated": 1, "distinct": 60}
    assert found["kind"] == "sentence" and found["output"] == "sentence_embedding"
    assert found["smaller"] == 10 and found["weights_bytes"] == (out / "weights.safetensors").stat().st_size
    texts = tiny.sentences(60)
    a, b = (tm.load(side).encode(texts) for side in (against, out))
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert found["cosine_mean"] == pytest.approx(cosine.mean(), abs=1e-6)
    assert found["cosine_min"] == pytest.approx(cosine.min(), abs=1e-6)
    assert found["scored_pairs"] == 60 * 59 // 2
    assert found == tm.quality(str(out), str(against), text=texts) | {"text": found["text"]}
    assert tm.quality(out, out, text=[lines, "w1 w2 w3", *texts])["spearman"] == pytest.approx(1)


def test_pairs_and_speed(sides, lines, tmp_path):
    out, against = sides
    texts = tiny.sentences(80)
    table = tmp_path / "pairs.tsv"
    table.write_text("".join(f"{a}\t{b}\n" for a, b in zip(texts[:40], texts[40:])) + "\n")
    found = tm.quality(out, against, text=lines, pairs=table, speed=True)
    assert (found["pair_queries"], found["pair_answers"]) == (40, 40)
    assert found["mrr_ratio"] == pytest.approx(found["mrr"] / found["mrr_against"])
    assert found["intervals"]["mrr_ratio"][0] <= found["mrr_ratio"] <= found["intervals"]["mrr_ratio"][1]
    assert found["p50_ms"] > 0.9 and found["p95_ms"] >= found["p50_ms"] and found["faster"] > 0
    same = tm.quality(out, against, text=lines, pairs=list(zip(texts[:40], texts[40:])))
    assert same["mrr"] == found["mrr"] and "faster" not in same
    table.write_text("a\tb\nno tab\n")
    with pytest.raises(ValueError, match="line 2 is not a query, a tab and an answer"):
        tm.quality(out, against, text=lines, pairs=table)
    with pytest.raises(ValueError, match="1 distinct queries and 2 distinct answers"):
        tm.quality(out, against, text=lines, pairs=[("a", "b"), ("a", "c")])


def test_refusals(sides, lines, fake_images, tmp_path):
    out, against = sides
    few = tmp_path / "few.txt"
    few.write_text("one\none\n\ntwo\n")
    with pytest.raises(ValueError, match="few.txt: 2 distinct lines.*at least 20"):
        tm.quality(out, against, text=few)
    with pytest.raises(FileNotFoundError, match="neither a checkpoint"):
        tm.quality(out, tmp_path, text=lines)
    with pytest.raises(FileNotFoundError, match="no such checkpoint"):
        tm.quality(out, tmp_path / "nothing", text=lines)
    with pytest.raises(FileNotFoundError, match="nothing.txt"):
        tm.quality(out, against, text=tmp_path / "nothing.txt")
    with pytest.raises(ValueError, match="takes text: pass text"):
        tm.quality(out, against, pixels=np.zeros((20, 3, 4, 4), np.float32))
    with pytest.raises(ValueError, match="takes images: pass pixels"):
        tm.quality(fake_images, fake_images, text=lines)
    with pytest.raises(ValueError, match="not of one model"):
        tm.quality(out, fake_images, text=lines)
    with pytest.raises(ValueError, match="at least 20 images"):
        tm.quality(fake_images, fake_images, pixels=np.zeros((3, 3, 4, 4), np.float32))
    with pytest.raises(ValueError, match="seed is -1"):
        tm.quality(out, against, text=lines, seed=-1)
    with pytest.raises(TypeError, match="text has a int"):
        tm.quality(out, against, text=[1, 2])
    tiny.tokenizer(against, tiny.WORDS[::-1])
    with pytest.raises(ValueError, match="the tokenizers disagree: .*against makes"):
        tm.quality(out, against, text=lines)
    tiny.tokenizer(against, tiny.WORDS)  # the same ids, though another file
    (against / "tokenizer_config.json").write_text("{}")
    assert tm.quality(out, against, text=lines)["text"]["distinct"] == 60


def test_images(fake_images):
    pixels = np.random.default_rng(0).standard_normal((40, 3, 4, 4)).astype(np.float32)
    found = tm.quality(fake_images, fake_images, pixels=pixels)
    assert found["images"] == 40 and found["cosine_min"] == pytest.approx(1) and "text" not in found


def command(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_exit_codes(sides, lines, tmp_path, capsys):
    out, against = sides
    run = ("quality", out, "--against", against, "--text", lines)
    code, shown, _ = command(capsys, *run, "--json", tmp_path / "q.json", "--fail-if", "cosine_mean<0.1")
    assert code == 0 and "60 texts (2 empty and 1 repeated lines left out)" in shown and "top10_overlap" in shown
    stored = json.loads((tmp_path / "q.json").read_text())
    assert stored == tm.quality(out, against, text=[lines]) and stored["smaller"] == 10
    code, shown, said = command(capsys, *run, "--fail-if", "smaller<11", "--fail-if", "cosine_mean<2", "--json", "-")
    assert code == 2 and json.loads(shown)["cosine_mean"] == stored["cosine_mean"]
    assert said.splitlines()[0] == "transformer-mlir: failed: smaller is 10, below 11 (--fail-if 'smaller<11')"
    assert f"cosine_mean is {stored['cosine_mean']:.6g}, below 2" in said
    for condition, why in (("speerman<1", "there is no metric 'speerman'; there are: cosine_mean,"),
                           ("spearman=1", "is not a metric, one of < <= > >=, and a number"),
                           ("mrr<1", "mrr needs query-answer pairs: pass --pairs"),
                           ("agreement<1", "agreement is not measured for a model that gives sentence_embedding")):
        code, shown, said = command(capsys, *run, "--fail-if", condition)
        assert code == 1 and why in said and len(said.splitlines()) == 1 and not shown, condition
    # Wrong conditions are found before the compiler is looked for, or anything is read.
    nowhere = ("compress", tmp_path / "nowhere", "-o", tmp_path / "new")
    assert "there is no metric" in command(capsys, *nowhere, "--fail-if", "x<1")[2]
    assert "pass --eval-text FILE" in command(capsys, *nowhere, "--fail-if", "spearman<1")[2]
    assert "nothing.txt" in command(capsys, *nowhere, "--eval-text", tmp_path / "nothing.txt")[2]
    assert "quality --pairs" in command(capsys, *nowhere, "--eval-text", lines, "--fail-if", "mrr<1")[2]
    assert "6 distinct lines" in command(capsys, *nowhere, "--text", lines, "--fail-if", "spearman<1")[2]  # a tenth
    assert not (tmp_path / "new").exists()


def test_update_report(sides, lines, tmp_path, capsys):
    out, against = sides
    assert command(capsys, "report", out, "-o", tmp_path / "plain.html")[:2] == (0, f"{tmp_path / 'plain.html'}\n")
    assert "cosine_mean" not in (tmp_path / "plain.html").read_text() and not (out / "report.html").exists()
    code, _, _ = command(capsys, "quality", out, "--against", against, "--text", lines, "--update-report",
                         "--fail-if", "cosine_mean<2")
    report = json.loads((out / "report.json").read_text())
    assert code == 2 and report["quality"]["text"]["distinct"] == 60 and report["input"] == REPORT["input"]
    assert "cosine_mean" in (out / "report.html").read_text()
    assert command(capsys, "bench", out, "--batch", "1", "--lengths", "8", "--rounds", "1", "--update-report")[0] == 0
    report = json.loads((out / "report.json").read_text())
    assert report["latency"][0]["workload"] == "1x8" and report["quality"]["smaller"] == 10
    assert "tokens/s" in (out / "report.html").read_text()
    code, _, said = command(capsys, "bench", out, "--profile", "--update-report")
    assert code == 1 and "without --profile" in said


@pytest.mark.parametrize("text, why", [
    ("{", "is not JSON"), ("[]", "is not a JSON object"), ('{"quality": 3}', "that this version can draw"),
    ('{"curves": [{"title": 1}]}', "that this version can draw")])
def test_bad_reports(sides, text, why, capsys):
    out = sides[0]
    (out / "report.json").write_text(text)
    code, _, said = command(capsys, "report", out)
    assert code == 1 and why in said and len(said.splitlines()) == 1 and not (out / "report.html").exists()
    (out / "report.json").unlink()
    assert "has no report.json" in command(capsys, "report", out)[2]
    assert "no such artifact directory" in command(capsys, "report", pathlib.Path(out) / "x")[2]
