# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: slow, numpy, pytest, tokenizers
"""Profiles of text: their numbers against NumPy's, their sums, and what they change."""
import json
import pathlib
import struct

import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from transformer_mlir import _cli, _compress


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return tiny.sentence_model(tmp_path_factory.mktemp("tiny") / "checkpoint")


def sentences(count, seed=5):
    generator = np.random.default_rng(seed)
    return [" ".join(f"w{i}" for i in generator.integers(0, 60, generator.integers(2, 12))) for _ in range(count)]


def read(path):
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    meta = header.pop("__metadata__")
    arrays = {name: np.frombuffer(data[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]], "<f8")
              for name, t in header.items()}
    return meta, arrays


def square(triangle):
    n = int((2 * len(triangle)) ** 0.5)
    full = np.zeros((n, n))
    full[np.tril_indices(n)] = triangle
    return full + np.tril(full, -1).T


def test_few_sentences_are_told_of(source, tmp_path, capsys):
    lines = []
    tm.profile(source, sentences(20), tmp_path / "p", progress=lines.append)
    assert [line for line in lines if line.startswith("warning: 20 sentences of text: few for a profile")]
    # A file that is not there is named, without the number of the system's error.
    assert _cli.main(["profile", str(source), "--text", "nowhere.txt", "-o", str(tmp_path / "q")]) == 1
    assert capsys.readouterr().err == "transformer-mlir: error: nowhere.txt: No such file or directory\n"


def test_numbers_of_a_profile(source, tmp_path):
    texts = sentences(200)
    tm.profile(source, texts, tmp_path / "p", progress=False)
    meta, arrays = read(tmp_path / "p")
    distinct = len(set(texts))
    assert meta["source"] == f"{distinct} sentences of text"
    assert arrays["token_counts"].sum() == int(meta["tokens"]) == arrays[next(n for n in arrays if n.endswith(".count"))][0]
    sites = [name[:-len(".gram.products")] for name in arrays if name.endswith(".gram.products")]
    assert sites and {meta[key] for key in meta if key.startswith("linear:")} == set(sites)
    weighted = {key[len("weighted:"):] for key in meta if key.startswith("weighted:")}
    assert weighted and weighted < set(sites)
    for site in set(sites) - weighted:
        gram = square(arrays[site + ".gram.products"])
        np.testing.assert_allclose(np.diag(gram), arrays[site + ".squares"], rtol=1e-4)
        np.testing.assert_allclose(arrays[site + ".gram.sum"], arrays[site + ".sum"], rtol=1e-9)
        assert np.linalg.eigvalsh(gram).min() > -1e-4 * np.trace(gram)


def test_profiles_add_up(source, tmp_path):
    first, rest = sentences(60, 1), sentences(60, 2)
    both = list(dict.fromkeys(first + rest))
    rest = [text for text in both if text not in first]
    tm.profile(source, both, tmp_path / "whole", progress=False)
    tm.profile(source, first, tmp_path / "first", progress=False)
    tm.profile(source, rest, tmp_path / "sum", add=tmp_path / "first", progress=False)
    meta, whole = read(tmp_path / "whole")
    for name, array in read(tmp_path / "sum")[1].items():
        np.testing.assert_allclose(array, whole[name], rtol=1e-4, atol=1e-4 * np.abs(whole[name]).max())
    assert read(tmp_path / "sum")[0]["tokens"] == meta["tokens"]


def test_text_and_profile_of_it_are_the_same(source, tmp_path):
    texts = sentences(100)
    (tmp_path / "text").write_text("\n".join(texts))
    assert _cli.main(["profile", str(source), "--text", str(tmp_path / "text"), "-o", str(tmp_path / "p"), "--quiet"]) == 0
    assert _cli.main(["compress", str(source), "-o", str(tmp_path / "a"), "--preset", "tiny", "--quiet",
                      "--text", str(tmp_path / "text")]) == 0
    report = tm.compress(source, tmp_path / "b", "tiny", profile=tmp_path / "p", progress=False)
    assert report["profile"]["source"] == f"{len(set(texts))} sentences of text"
    assert (tmp_path / "a/weights.safetensors").read_bytes() == (tmp_path / "b/weights.safetensors").read_bytes()
    plain = tm.compress(source, tmp_path / "c", "tiny", progress=False)
    assert plain["profile"]["source"] == "synthetic"
    exact = tm.load(tm.compress(source, tmp_path / "e", "exact", progress=False) and tmp_path / "e").encode(texts)
    cosine = (tm.load(tmp_path / "b").encode(texts) * exact).sum(1)
    assert cosine.mean() > 0.9


@pytest.mark.parametrize("options, problem", [
    ({"preset": "exact", "text": ["w1"]}, "the preset exact fits nothing to text"),
    ({"preset": "int8", "text": ["w1"], "profile": "p"}, "give one of them"),
    ({"preset": "int8", "text": [" "]}, "has no line that is not empty"),
    ({"preset": "int8", "epochs": 3}, "epochs goes with the preset static")])
def test_refusals(source, tmp_path, options, problem):
    with pytest.raises(ValueError, match=problem):
        tm.compress(source, tmp_path / "out", progress=False, **options)
    assert not (tmp_path / "out").exists()


def test_image_models_take_no_text(tmp_path):
    checkpoint = tiny.image_classifier(tmp_path / "images")
    with pytest.raises(ValueError, match="takes images, and no text"):
        tm.compress(checkpoint, tmp_path / "out", "int8", text=["w1"], progress=False)


def test_an_option_that_there_is_not(source, tmp_path):
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        tm.compress(source, tmp_path / "out", progress=False, epoch=3)


def test_profiles_that_do_not_fit(source, tmp_path):
    tm.profile(source, sentences(50), tmp_path / "p", progress=False)
    other = tiny.classifier(tmp_path / "other")
    with pytest.raises(_compress.CompileError, match="is the profile of checkpoint"):
        tm.compress(other, tmp_path / "out", "small", profile=tmp_path / "p", progress=False)
    (tmp_path / "cut").write_bytes((tmp_path / "p").read_bytes()[:-100])
    with pytest.raises(_compress.CompileError, match="cut"):
        tm.compress(source, tmp_path / "out", "small", profile=tmp_path / "cut", progress=False)
    assert not (tmp_path / "out").exists()
