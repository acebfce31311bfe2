"""Text to token ids with the `tokenizers` library and the files beside the model.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import pathlib

import numpy as np

from ._words import open_words


def read_json(path):
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as problem:
        raise RuntimeError(f"{path}: cannot be read: {problem}") from None
    return value if isinstance(value, dict) else {}


def length_of(*values):
    """The first that is a length. Files say "no limit" as null or 1e30."""
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31:
            return value
    return None


class Tokenizer:
    def __init__(self, directory, max_length):
        try:
            import tokenizers
        except ImportError:
            raise RuntimeError("encode needs the package tokenizers: pip install tokenizers") from None
        self.directory = pathlib.Path(directory)
        self.module = tokenizers
        sentence = read_json(self.directory / "sentence_bert_config.json")
        config = read_json(self.directory / "tokenizer_config.json")
        tokenizer = self.open(config)
        own = (tokenizer.truncation or {}).get("max_length")
        limit = length_of(sentence.get("max_seq_length"), config.get("model_max_length"), own)
        tokenizer.no_padding()
        side = config.get("truncation_side") or "right"
        if side not in ("left", "right"):
            raise RuntimeError(f"{self.directory / 'tokenizer_config.json'}: truncation_side is {side!r}"
                               " (supported: 'left', 'right')")
        tokenizer.enable_truncation(min(limit or max_length, max_length), direction=side)
        self.lower = bool(sentence.get("do_lower_case"))
        self.tokenizer = tokenizer
        self.words = open_words(tokenizer, min(limit or max_length, max_length)) if side == "right" else None
        self.prompt = self.read_prompt()

    def open(self, config):
        path, words = self.directory / "tokenizer.json", self.directory / "vocab.txt"
        try:
            if path.exists():
                return self.module.Tokenizer.from_file(str(path))
            if words.exists():
                return self.module.BertWordPieceTokenizer(
                    str(words), lowercase=bool(config.get("do_lower_case", True)),
                    strip_accents=config.get("strip_accents"),
                    handle_chinese_chars=bool(config.get("tokenize_chinese_chars", True)))._tokenizer
        except Exception as problem:  # the library raises plain Exception
            raise RuntimeError(f"{path if path.exists() else words}: cannot be read: {problem}") from None
        raise FileNotFoundError(f"{self.directory}: has no tokenizer.json, so text cannot be encoded; "
                                "pass token ids to run")

    def read_prompt(self):
        """The text that the checkpoint puts before every sentence by default."""
        config = read_json(self.directory / "config_sentence_transformers.json")
        prompts, name = config.get("prompts"), config.get("default_prompt_name")
        text = prompts.get(name) if isinstance(prompts, dict) and isinstance(name, str) else None
        return text if isinstance(text, str) else ""

    def ready(self, texts):
        """Stripped as sentence-transformers does."""
        texts = [(self.prompt + text).strip() for text in texts] if self.prompt else [text.strip() for text in texts]
        return [text.lower() for text in texts] if self.lower else texts

    def encode(self, texts):
        """Ids and token types of each text."""
        found = self.tokenizer.encode_batch(self.ready(texts))
        return [one.ids for one in found], [one.type_ids for one in found]

    def packed(self, texts):
        """The ids of all texts end to end, their lengths, and their token types, None if all are 0."""
        texts = self.ready(texts)
        if self.words:
            if all(map(self.words.takes, texts)):
                if (found := self.words(texts)) is not None:
                    return *found, None
            elif len(texts) > 1:  # few texts need the library
                return self.mixed(texts)
        found = self.tokenizer.encode_batch(texts)
        lengths = np.fromiter((len(one.ids) for one in found), np.int64, len(found))
        ids, types = (np.fromiter((i for one in found for i in getattr(one, name)), np.int32, int(lengths.sum()))
                      for name in ("ids", "type_ids"))
        return ids, lengths, types if types.any() else None

    def mixed(self, texts):
        fast = np.fromiter(map(self.words.takes, texts), bool, len(texts))
        rows = [None] * len(texts)
        found = self.words([texts[i] for i in np.flatnonzero(fast)])
        if found is None:
            fast[:] = False
        else:
            for i, row in zip(np.flatnonzero(fast), np.split(found[0], np.cumsum(found[1])[:-1])):
                rows[i] = row
        others = np.flatnonzero(~fast)
        for i, one in zip(others, self.tokenizer.encode_batch([texts[i] for i in others])):
            rows[i] = np.array(one.ids, np.int32)
        return np.concatenate(rows), np.fromiter(map(len, rows), np.int64, len(rows)), None
