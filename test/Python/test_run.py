# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest
"""Model.run: the forms of a batch, and what is refused."""
import os
import signal
import threading
import time

import numpy as np
import pytest

import transformer_mlir as tm
from conftest import make_fake


@pytest.fixture(scope="module")
def model(fake):
    return tm.load(fake, threads=2)


def test_properties(model):
    assert model.outputs == ["last_hidden_state", "sentence_embedding"]
    assert model.input_names == ["input_ids", "token_type_ids"]
    assert (model.hidden, model.max_length, model.vocabulary, model.threads) == (2, 16, 100, 2)
    assert model.target == "fake" and "last_hidden_state" in repr(model)


def test_ragged(model):
    out = model.run([np.array([1, 2, 3]), [], [4]], token_type_ids=[[0, 1, 0], [], [1]])
    assert set(out) == {"last_hidden_state", "sentence_embedding", "offsets"}
    assert out["offsets"].tolist() == [0, 3, 3, 4]
    assert out["last_hidden_state"].tolist() == [[1, 0], [2, 1], [3, 0], [4, 1]]
    assert out["sentence_embedding"][:, :2].tolist() == [[6, 3], [0, 0], [4, 1]]
    assert all(out[n].dtype == np.float32 for n in model.outputs)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_dense_gives_the_same(model, dtype):
    ids = np.array([[1, 2, 3], [4, 0, 0], [0, 0, 0]], dtype)
    types = np.array([[0, 1, 0], [1, 1, 1], [1, 1, 1]], dtype)
    mask = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], dtype)
    dense = model.run(ids, attention_mask=mask, token_type_ids=types)
    ragged = model.run([[1, 2, 3], [4], []], token_type_ids=[[0, 1, 0], [1], []])
    for name in ragged:
        np.testing.assert_array_equal(dense[name], ragged[name])
    lists = model.run(ids.tolist(), attention_mask=mask.tolist(), token_type_ids=types.tolist())
    np.testing.assert_array_equal(lists["last_hidden_state"], ragged["last_hidden_state"])
    boolean = model.run(ids, attention_mask=mask.astype(bool), token_type_ids=types)
    np.testing.assert_array_equal(boolean["last_hidden_state"], ragged["last_hidden_state"])


def test_dense_without_mask(model):
    out = model.run(np.array([[1, 2], [3, 4]]))
    assert out["offsets"].tolist() == [0, 2, 4]


@pytest.mark.parametrize("empty", [[], (), np.zeros((0, 4), np.int64), np.zeros((0,), np.int32)])
def test_empty_batch(model, empty):
    out = model.run(empty)
    assert out["last_hidden_state"].shape == (0, 2)
    assert out["sentence_embedding"].shape == (0, 3)
    assert out["offsets"].tolist() == [0]


def test_outputs_are_selected(model):
    out = model.run([[1, 2]], outputs=["sentence_embedding"])
    assert list(out) == ["sentence_embedding"]
    assert out["sentence_embedding"][0, 2] == 2  # the mask of wanted outputs that the code saw
    assert set(model.run([[1]], outputs="last_hidden_state")) == {"last_hidden_state", "offsets"}
    assert model.run([[1]], outputs=[]) == {}


@pytest.mark.parametrize("ids, options, error, words", [
    ([[1.5, 2.0]], {}, TypeError, "float64"),
    ([np.array([True, False])], {}, TypeError, "bool"),
    (np.zeros((2, 3), np.float32), {}, TypeError, "float32"),
    (["text"], {}, TypeError, "expected integers"),
    ("text", {}, TypeError, "str"),
    (7, {}, TypeError, "int"),
    (None, {}, TypeError, "missing"),
    ([1, 2, 3], {}, ValueError, r"\[ids\]"),
    (np.array([1, 2, 3]), {}, ValueError, "1 dimensions"),
    (np.zeros((1, 2, 3), np.int64), {}, ValueError, "3 dimensions"),
    ([[[1, 2]]], {}, ValueError, "2 dimensions"),
    ([[1, [2]]], {}, ValueError, "array"),
    ([[1], [2, 100]], {}, ValueError, "sequence 1 has the value 100, expected 0 to 99"),
    ([[-1]], {}, ValueError, "value -1"),
    ([[2**40]], {}, ValueError, str(2**40)),
    ([[2**80]], {}, ValueError, "64 bits"),
    ([[1], [1] * 17], {}, ValueError, "sequence 1 has 17 tokens, and the model takes at most 16"),
    ([[1, 2]], {"token_type_ids": [[0]]}, ValueError, "lengths"),
    ([[1, 2]], {"token_type_ids": [[0, 2]]}, ValueError, "token_type_ids: sequence 0 has the value 2"),
    ([[1, 2]], {"token_type_ids": [[0.0, 1.0]]}, TypeError, "float64"),
    (np.ones((1, 2), int), {"token_type_ids": np.ones((2, 1), int)}, ValueError, r"shape \(2, 1\)"),
    (np.ones((1, 3), int), {"attention_mask": np.array([[0, 1, 1]])}, ValueError, "ones followed by zeros"),
    (np.ones((1, 3), int), {"attention_mask": np.array([[1, 0, 1]])}, ValueError, "ones followed by zeros"),
    (np.ones((1, 3), int), {"attention_mask": np.array([[2, 1, 0]])}, ValueError, "0 and 1"),
    (np.ones((1, 3), int), {"attention_mask": np.ones((1, 2), int)}, ValueError, "shape"),
    (np.ones((1, 3), int), {"attention_mask": np.ones((1, 3))}, TypeError, "float64"),
    ([[1, 2], [3]], {"attention_mask": [[1, 1], [1, 0]]}, ValueError, "must have the same length"),
    ([[1]], {"pixel_values": np.zeros((1, 3, 4, 4), np.float32)}, ValueError, "token ids"),
    ([[1]], {"outputs": ["logits"]}, ValueError, "no 'logits'"),
    ([[1]], {"outputs": 3}, TypeError, "list of names"),
])
def test_refused(model, ids, options, error, words):
    with pytest.raises(error, match=words) as caught:
        model.run(ids, **options)
    assert "\n" not in str(caught.value)


def test_images(fake_images):
    model = tm.load(fake_images, threads=1)
    pixels = np.arange(3 * 48, dtype=np.float32).reshape(3, 3, 4, 4)
    out = model.run(pixel_values=pixels)
    assert out["offsets"].tolist() == [0, 5, 10, 15]
    assert out["sentence_embedding"][:, 0].tolist() == [0, 48 * 5, 96 * 5]
    assert model.run(pixel_values=pixels[:0])["sentence_embedding"].shape == (0, 3)
    for wrong, error in [(pixels.astype(np.float64), TypeError), (pixels[0], ValueError),
                         (np.zeros((1, 3, 4, 5), np.float32), ValueError), (None, TypeError)]:
        with pytest.raises(error, match="pixel_values"):
            model.run(pixel_values=wrong)
    with pytest.raises(ValueError, match="images"):
        model.run([[1]])


def test_load_refuses(tmp_path, fake):
    with pytest.raises(FileNotFoundError, match="no such directory"):
        tm.load(tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        tm.load(tmp_path / "file")
    with pytest.raises(FileNotFoundError, match="no model.so"):
        tm.load(tmp_path)
    (tmp_path / "model.so").write_bytes(b"\x7fELF but not really")
    with pytest.raises(RuntimeError, match="not a compiled model"):
        tm.load(tmp_path)
    for threads, error in [(0, ValueError), (-1, ValueError), (1025, ValueError), ("2", TypeError), (True, TypeError)]:
        with pytest.raises(error, match="threads"):
            tm.load(fake, threads=threads)


def test_library_that_was_cut_short(tmp_path):
    make_fake(tmp_path)
    library = tmp_path / "model.so"
    whole = library.read_bytes()
    for size in (100, 4096, len(whole) // 2, len(whole) - 1):
        library.write_bytes(whole[:size])
        with pytest.raises(RuntimeError, match=f"cut short: it has {size} bytes of {len(whole)}"):
            tm.load(tmp_path)
    library.unlink()
    os.mkfifo(library)
    with pytest.raises(RuntimeError, match="not a regular file"):
        tm.load(tmp_path)


def test_damaged_weights(tmp_path):
    make_fake(tmp_path)
    with open(tmp_path / "weights.safetensors", "ab") as file:
        file.write(b"x")
    with pytest.raises(RuntimeError, match="weights"):
        tm.load(tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(OSError, match="weights.safetensors"):
        tm.load(tmp_path)


def test_an_artifact_that_was_replaced(tmp_path):
    assert tm.load(make_fake(tmp_path, build_id="one")).build_id == "one"
    assert tm.load(make_fake(tmp_path, build_id="two")).build_id == "two"
    assert tm.load(tmp_path).build_id == "two"


def test_threads_share_a_model(model):
    expected = model.run([[i] for i in range(90)])["last_hidden_state"]
    wrong = []

    def work():
        for _ in range(20):
            if not np.array_equal(model.run([[i] for i in range(90)])["last_hidden_state"], expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_interrupt(model):
    """A long call ends soon after Ctrl-C, and the model still works."""
    ids = np.ones((60000, 16), np.int32)  # one native call a millisecond at least
    # A background job starts with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT)).start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            while time.monotonic() - start < 20:
                model.run(ids)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 5
    assert model.run([[5]])["sentence_embedding"][0, 0] == 5
