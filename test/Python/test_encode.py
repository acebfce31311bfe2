# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, tokenizers
"""Model.encode on a fake model: which tokenizer settings count."""
import json
import shutil

import numpy as np
import pytest

import transformer_mlir as tm

WORDS = ["[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "query"]


def make_tokenizer(directory, truncation=None, padding=None):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    if truncation:
        tokenizer.enable_truncation(truncation)
    if padding:
        tokenizer.enable_padding(length=padding)
    tokenizer.save(str(directory / "tokenizer.json"))


@pytest.fixture
def directory(fake, tmp_path):
    return shutil.copytree(fake, tmp_path / "artifact")


def lengths(directory, texts):
    return tm.load(directory, threads=1).encode(texts)[:, 1].tolist()


def test_padding_is_ignored_and_max_seq_length_wins(directory):
    make_tokenizer(directory, truncation=4, padding=12)
    long = "a b c " * 10
    assert lengths(directory, ["a", "a b", long]) == [3, 4, 4]
    (directory / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 10**30}))
    assert lengths(directory, [long]) == [4]
    (directory / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 7}))
    assert lengths(directory, [long]) == [7]
    (directory / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 9, "do_lower_case": False}))
    assert lengths(directory, ["a", long]) == [3, 9]
    (directory / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 500}))
    assert lengths(directory, [long]) == [16]  # the model's own limit


def test_values(directory):
    make_tokenizer(directory)
    model = tm.load(directory, threads=1)
    out = model.encode(["a b", "c", "", "A"])
    assert out.dtype == np.float32 and out.shape == (4, 3)
    assert out[:, 0].tolist() == [1 + 3 + 4 + 2, 1 + 5 + 2, 3, 3]
    assert model.encode("c").tolist() == out[1].tolist()
    assert model.encode(["a b", "c", "", "A"], batch_size=1).tolist() == out.tolist()
    assert model.encode([]).shape == (0, 3) and model.encode(()).shape == (0, 3)
    np.testing.assert_allclose(np.linalg.norm(model.encode(["a", "b"], normalize=True), axis=1), 1, rtol=1e-6)


def test_lower_case_and_prompt(directory):
    make_tokenizer(directory)
    (directory / "sentence_bert_config.json").write_text(json.dumps({"do_lower_case": True}))
    (directory / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"q": "query "}, "default_prompt_name": "q"}))
    assert tm.load(directory).encode(["A B"])[0, 0] == 1 + 6 + 3 + 4 + 2


def test_vocabulary_file(directory):
    (directory / "vocab.txt").write_text("\n".join(["[PAD]", *WORDS, "[MASK]", "##b"]))
    out = tm.load(directory).encode(["a AB"])
    assert out[0].tolist()[:2] == [2 + 4 + 4 + 9 + 3, 5]


def test_errors(directory):
    model = tm.load(directory)
    with pytest.raises(FileNotFoundError, match="no tokenizer.json"):
        model.encode(["a"])
    (directory / "tokenizer.json").write_text("{")
    with pytest.raises(RuntimeError, match="tokenizer.json: cannot be read"):
        model.encode(["a"])
    make_tokenizer(directory)
    (directory / "sentence_bert_config.json").write_text("[")
    with pytest.raises(RuntimeError, match="sentence_bert_config.json"):
        model.encode(["a"])
    (directory / "sentence_bert_config.json").unlink()
    with pytest.raises(TypeError, match=r"sentences\[1\] is int"):
        model.encode(["a", 3])
    with pytest.raises(TypeError, match="NoneType"):
        model.encode(None)
    with pytest.raises(ValueError, match="batch_size"):
        model.encode(["a"], batch_size=0)


@pytest.mark.parametrize("name, text, words", [
    ("tokenizer_config.json", '{"truncation_side": "up"}', "truncation_side is 'up'"),
    ("tokenizer_config.json", "{", "cannot be read"),
    ("sentence_bert_config.json", '{"a":' * 100_000, "cannot be read"),
    ("tokenizer.json", "[]", "cannot be read")])
def test_bad_tokenizer_files(directory, name, text, words):
    make_tokenizer(directory)
    (directory / name).write_text(text)
    with pytest.raises(RuntimeError, match=words) as caught:
        tm.load(directory, threads=1).encode(["a"])
    assert name in str(caught.value) and "\n" not in str(caught.value)
