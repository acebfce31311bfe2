# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, tokenizers
"""The fast way from text to ids gives what the tokenizers library gives, or is not taken."""
import random
import threading

import numpy as np
import pytest

from transformer_mlir import _words
from transformer_mlir._tokenizer import Tokenizer

tokenizers = pytest.importorskip("tokenizers")
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz0123456789", *map(chr, range(33, 48)),
          *map(chr, range(58, 65)), *map(chr, range(91, 95)), *map(chr, range(123, 127)), "##e", "##r", "##in", "##g", "the", "run",
          "##n", "##ing", "cafe", "A", "The"]


def library(folder, lowercase=True, **changed):
    found = tokenizers.Tokenizer(tokenizers.models.WordPiece({p: i for i, p in enumerate(PIECES)}, unk_token="[UNK]"))
    found.normalizer = changed.get("normalizer", tokenizers.normalizers.BertNormalizer(lowercase=lowercase))
    found.pre_tokenizer = changed.get("splitter", tokenizers.pre_tokenizers.BertPreTokenizer())
    found.post_processor = changed.get("template", tokenizers.processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]))
    found.add_special_tokens(PIECES[:5])
    folder.mkdir(exist_ok=True)
    found.save(str(folder / "tokenizer.json"))
    return folder


def texts(count, alphabet, seed=0):
    generator = random.Random(seed)
    words = ["the", "run", "running", "The", "RUNNER", "cafe", "tin", "x" * 101]
    return ["".join(generator.choice([*words, *alphabet]) for _ in range(generator.randint(0, 30))) for _ in range(count)]


def check(tokenizer, given):
    ids, lengths, types = tokenizer.packed(given)
    expected, expected_types = tokenizer.encode(given)
    assert lengths.tolist() == list(map(len, expected)) and ids.dtype == np.int32
    assert ids.tolist() == [i for row in expected for i in row]
    assert types is None and not any(map(any, expected_types)) or types.tolist() == [i for row in expected_types for i in row]


ASCII = list(map(chr, range(32, 127))) + [" "] * 40
STRANGE = ["é", "É", "ß", "İ", "中", "\u0301", "\u200d", "\u00a0", "\u2028", "\t", "\n", "\x00", "\x7f", "\u2019", "😀"]


@pytest.mark.parametrize("lowercase", [True, False])
def test_same_as_the_library(tmp_path, lowercase):
    tokenizer = Tokenizer(library(tmp_path / "t", lowercase), 12)
    assert tokenizer.words is not None
    check(tokenizer, texts(500, ASCII))  # many are cut at 12 tokens
    check(tokenizer, texts(300, ASCII + 3 * STRANGE, seed=1))
    check(tokenizer, ["the [MASK] run", "[sep]", "[CLS", "a"])
    check(tokenizer, ["the [MASK] run", "é"])
    for one in ("", " ", "é", "a", "[SEP]", "\n"):
        check(tokenizer, [one])
        check(tokenizer, [one, "run", one])


def test_the_dictionary_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(_words, "MOST_WORDS", 50)
    tokenizer = Tokenizer(library(tmp_path / "t"), 40)
    for seed in range(20):
        check(tokenizer, texts(20, "abcdefg ", seed))
    assert len(tokenizer.words.numbers) < 50 + 20 * 31


def test_threads(tmp_path):
    tokenizer, problems = Tokenizer(library(tmp_path / "t"), 40), []

    def work(seed):
        try:
            for turn in range(20):
                check(tokenizer, texts(30, ASCII, 100 * seed + turn))
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_other_rules_go_to_the_library(tmp_path):
    others = [dict(normalizer=tokenizers.normalizers.Lowercase()), dict(splitter=tokenizers.pre_tokenizers.Whitespace()),
              dict(template=tokenizers.processors.TemplateProcessing("$A [SEP]", special_tokens=[("[SEP]", 3)])),
              dict(template=tokenizers.processors.TemplateProcessing("[CLS] $A:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]))]
    for i, changed in enumerate(others):
        tokenizer = Tokenizer(library(tmp_path / str(i), **changed), 12)
        assert tokenizer.words is None
        check(tokenizer, texts(50, ASCII + STRANGE))
