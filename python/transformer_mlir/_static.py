"""The preset static: a student without layers, fitted to the checkpoint's own sentence embeddings.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import os
import random
import re
import shutil
import tempfile
import time

import numpy as np

from . import _files, _fit, _grid, _metrics, _report, _student
from ._model import load

LEAST, ENOUGH = 1000, 100_000  # distinct sentences
EPOCHS = 5
JUDGED = 5000  # most held-out sentences of the report
SMALLER = 15.3  # than the checkpoint, for the steps of the table
HEADS = (32, 16, 8, 4, 2, 1)  # numbers in a head: the first that fits
CODED = 0.9  # entropy-coded bytes of a byte of a linear
SETTLED = 0.15  # the part of the minutes for what follows the rounded table
AGREEMENT = 0.995  # cosine of int8 and exact code that makes int8 the teacher
CALL = 512  # sentences
WORD, LONGEST = re.compile(r"\w[\w+#/'-]*"), 24  # characters


def check_options(text, epochs, minutes, seed):
    if text is None:
        raise ValueError("the preset static is fitted to your sentences: pass text (--text FILE, one sentence a line; "
                         f"{LEAST:,} distinct ones at least, and {ENOUGH:,} or more for good quality)")
    for name, value in (("epochs", epochs), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, int) or value < (name == "epochs"):
            raise ValueError(f"{name} is {value!r}, expected a whole number of at least {int(name == 'epochs')}")
    if minutes is not None and (isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not minutes > 0):
        raise ValueError(f"minutes is {minutes!r}, expected a number above 0")
    _fit.need_torch()
    texts, _ = _files.read_texts(text)
    if len(texts) < LEAST:
        raise ValueError(f"the text has {len(texts):,} distinct sentences; the preset static needs at least {LEAST:,}, "
                         f"and {ENOUGH:,} or more for good quality")
    return texts


class Teacher:
    """The checkpoint, compiled, and its tokenizer."""

    def __init__(self, source, folder, compile_, show):
        self.show = show or (lambda line: None)
        models = {}
        for preset in ("exact", "int8"):
            self.show(f"compiling the original ({preset})")
            compile_([source, "-o", os.path.join(folder, preset), f"--preset={preset}", "--quiet"])
            models[preset] = load(os.path.join(folder, preset))
        exact = models["exact"]
        if "sentence_embedding" not in exact.outputs:
            raise ValueError(f"{source}: has no sentence embedding (modules.json), which the preset static is fitted to")
        self.model, self.preset, self.agreement = exact, "exact", 1.0
        self.tokenizer = exact._load_tokenizer()
        self.types = "token_type_ids" in exact.input_names
        self.int8 = models["int8"]

    def choose(self, sequences):
        """int8 code is faster; it teaches if it says the same."""
        exact = self.model.run(sequences, outputs=["sentence_embedding"])["sentence_embedding"]
        fast = self.int8.run(sequences, outputs=["sentence_embedding"])["sentence_embedding"]
        self.agreement = float(_metrics.row_cosines(exact, fast).mean())
        if self.agreement >= AGREEMENT:
            self.model, self.preset = self.int8, "int8"

    def tokens(self, texts):
        found = []
        for begin in range(0, len(texts), 8192):
            found += [np.asarray(ids, np.int32) for ids in self.tokenizer.encode(texts[begin:begin + 8192])[0]]
        return found

    def single_tokens(self):
        """(ids that text can have, the text of each token alone as ids)."""
        special = self.tokenizer.encode([""])[0][0]
        before, after = special[:len(special) // 2], special[len(special) // 2:]
        names = [self.tokenizer.tokenizer.id_to_token(i) for i in range(self.model.vocabulary)]
        usable = [i for i, name in enumerate(names)
                  if name is not None and i not in special and not re.fullmatch(r"[\[<](unused)?\d*\w*[\]>]", name)]
        return np.array(usable), [np.array([*before, i, *after], np.int32) for i in range(len(names))], len(before)

    def rows(self, singles, place):
        """The vector of each token on its own, and of its text."""
        names = ["sentence_embedding", "last_hidden_state"]
        names = names if "last_hidden_state" in self.model.outputs else names[:1]
        blocks = [self.model.run(singles[i:i + 4096], outputs=names) for i in range(0, len(singles), 4096)]
        vectors = np.concatenate([block["sentence_embedding"] for block in blocks])
        if len(names) == 1 or blocks[0]["last_hidden_state"].shape[1] != vectors.shape[1]:
            return vectors, vectors
        hidden = np.concatenate([block["last_hidden_state"][place::len(singles[0])] for block in blocks])
        return hidden, vectors

    def embed(self, sequences, more):
        """Their sentence embeddings, of length 1, and then the rows `more`, in one array of float16: nothing else is as large."""
        order = np.argsort([len(ids) for ids in sequences], kind="stable")
        total = max(1, sum(map(len, sequences)))
        found = np.empty((len(sequences) + len(more), more.shape[1]), np.float16)
        found[len(sequences):] = more
        begun = last = time.monotonic()
        done = 0
        for begin in range(0, len(order), CALL):
            part = order[begin:begin + CALL]
            batch = [sequences[i] for i in part]
            found[part] = _metrics.unit(self.model.run(batch, outputs=["sentence_embedding"])["sentence_embedding"])
            done += sum(map(len, batch))
            if time.monotonic() - last > 5:
                last = time.monotonic()
                self.show(f"computing the original's embeddings: {begin + len(part):,} of {len(order):,} sentences, "
                          f"{(last - begun) * (total - done) / done:.0f} s left")
        return found


def short_texts(texts, seed):
    """What people look for is short, and often a rare word: each word once, at most one for each text, and two to
    four words in a row out of every second text."""
    generator = random.Random(seed)
    words, rows = set(), []
    for i, text in enumerate(texts):
        found = WORD.findall(text)
        words.update(word for word in found if len(word) <= LONGEST)
        count = generator.randint(2, 4)
        if i % 2 == 0 and len(found) > count:
            begin = generator.randint(0, len(found) - count)
            rows.append(" ".join(found[begin:begin + count]))
    words = sorted(words)
    return sorted({*generator.sample(words, min(len(words), len(texts))), *rows} - set(texts))


def size_of(checkpoint):
    return sum(os.path.getsize(os.path.join(checkpoint, name)) for name in os.listdir(checkpoint)
               if name.endswith(".safetensors"))


def heads_for(width):
    return width // next(size for size in HEADS if width % size == 0)


def round_table(fit, parameters, limit, minutes, show):
    """Parameters with the table as integers that take at most `limit` bytes, fitted to that, and the bits of a number."""
    step = _grid.step_for(parameters["table"], limit)
    table = _grid.integers(parameters["table"], step)
    parameters = {**parameters, "table": table * step}
    parameters = parameters if fit.interrupted else fit.settle(parameters, minutes, show)
    return {**parameters, "table": table, "scales": np.full(len(table), step.view(np.uint32) >> 16, np.uint16)}, \
        8 * _grid.entropy_bytes(table) / table.size


def copy_companions(source, folder):
    """Tokenizer and configuration of an artifact of the checkpoint, without its model."""
    for name in os.listdir(source):
        if name not in ("model.so", "model.h", "model.mlir", "weights.safetensors", "report.json", "report.html"):
            path = os.path.join(source, name)
            (shutil.copytree if os.path.isdir(path) else shutil.copy)(path, os.path.join(folder, name))


def compress_static(source, out, text, compile_, *, epochs=EPOCHS, minutes=None, seed=0, target_cpu="host", show=None):
    """Fits and compiles the student; returns the report. `compile_` runs transformer-compile with arguments."""
    texts, say = check_options(text, epochs, minutes, seed), show or (lambda line: None)
    _files.check_target(out)
    if len(texts) < ENOUGH:
        say(f"warning: {len(texts):,} distinct sentences; with fewer than {ENOUGH:,} the quality suffers (docs/static.md)")
    with tempfile.TemporaryDirectory(prefix="transformer-mlir-") as folder:
        if target_cpu != "host":  # a wrong one is said before the work
            compile_([source, "-o", os.path.join(folder, "target"), f"--target-cpu={target_cpu}", "--quiet"])
        teacher = Teacher(source, folder, compile_, show)
        random.Random(seed).shuffle(texts)
        fitted, held = _files.hold_out(texts)
        held = teacher.tokens(held)
        sequences = teacher.tokens(fitted + short_texts(fitted, seed))
        teacher.choose(held[:256])
        usable, singles, place = teacher.single_tokens()
        rows, vectors = teacher.rows(singles, place)
        begun = time.monotonic()
        embeddings = teacher.embed(held + sequences, _metrics.unit(vectors[usable]))
        targets, held_targets = embeddings[len(held):], embeddings[:len(held)].astype(np.float32)
        seconds = {"targets": time.monotonic() - begun}
        sequences += [singles[i] for i in usable]
        hidden = vectors.shape[1]
        inner = 4 * hidden
        heads = heads_for(hidden)
        counts = np.bincount(np.concatenate(sequences), minlength=len(rows))
        begun = time.monotonic()
        fit = _fit.Fit(_fit.start(rows, counts, hidden, heads, hidden, inner, seed), heads, sequences, targets, held,
                       held_targets, seed)
        say(f"fitting {len(sequences):,} texts; held-out cosine before: {fit.first:.4f}")
        parameters = fit.run(epochs, minutes and minutes * (1 - SETTLED), show)
        limit = size_of(source) / SMALLER - CODED * _student.bytes_of(0, hidden, hidden, inner)
        parameters, bits = round_table(fit, parameters, max(limit, len(rows)), minutes and minutes * SETTLED, show)
        seconds["fit"] = time.monotonic() - begun
        if fit.interrupted:
            say(f"interrupted: compiling the best so far, held-out cosine {fit.best:.4f}")
        student = os.path.join(folder, "student")
        os.mkdir(student)
        copy_companions(os.path.join(folder, "exact"), student)
        model, _ = _student.write(student, parameters, heads, teacher.model.max_length)
        compile_([model, f"--weights={student}", "-o", out, f"--target-cpu={target_cpu}", "--preset=int8",
                  "--pack=entropy"])
    judged = slice(0, JUDGED)
    ours = load(out).run(held[judged], outputs=["sentence_embedding"])["sentence_embedding"]
    measured = _metrics.embedding_quality(held_targets[judged], ours, seed, intervals=False)
    say(f"held-out: cosine {measured['cosine_mean']:.4f}, Spearman {measured['spearman']:.4f}")
    report = _files.read_report(out)
    return _report.update(
        out, input=os.fspath(source), preset="static", bytes={**report["bytes"], "checkpoint": size_of(source)},
        modules=_report.modules_of(out, source), machine=_report.machine(),
        static={"sentences": len(texts), "held_out": len(held), "texts_fitted": len(sequences), "width": hidden,
                "heads": heads, "table_bits": bits, "epochs": fit.epochs, "seed": seed, "minutes": minutes, "teacher": teacher.preset,
                "teacher_agreement": teacher.agreement, "cosine_before": fit.first, "cosine_fitted": fit.best,
                "interrupted": fit.interrupted, "seconds": seconds, "held_out_quality": measured})
