"""Text to token ids with the `tokenizers` library and the files beside the model.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import json
import pathlib


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

    def encode(self, texts):
        """Ids and token types of each text, stripped as sentence-transformers does."""
        texts = [(self.prompt + text).strip() for text in texts]
        found = self.tokenizer.encode_batch([text.lower() for text in texts] if self.lower else texts)
        return [one.ids for one in found], [one.type_ids for one in found]
