# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, tokenizers
"""Weights files that are decoded at load. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import numpy as np
import pytest
import tiny

import transformer_mlir as tm
from transformer_mlir._cli import main


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return tiny.sentence_model(tmp_path_factory.mktemp("pack") / "model")


def test_pack_changes_the_file_and_no_number(source, tmp_path):
    plain = tm.compress(source, tmp_path / "plain", preset="bf16", progress=False)
    coded = tm.compress(source, tmp_path / "coded", preset="bf16", pack="entropy", progress=False)
    assert coded["bytes"]["weights"] < 0.9 * plain["bytes"]["weights"]
    assert coded["bytes"]["weights_memory"] == plain["bytes"]["weights_memory"]
    assert any(row["bits_in_file"] < 13 for row in coded["coded"]) and "coded" not in plain
    texts = tiny.sentences(20)
    np.testing.assert_array_equal(tm.load(tmp_path / "coded", threads=2).encode(texts), tm.load(tmp_path / "plain").encode(texts))


def test_a_damaged_file_is_refused(source, tmp_path):
    assert main(["compress", str(source), "-o", str(tmp_path / "out"), "--dtype", "bf16", "--pack", "entropy", "--quiet"]) == 0
    path = tmp_path / "out" / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(RuntimeError, match="do not match model.so"):
        tm.load(tmp_path / "out")


def test_wrong_names(source, tmp_path):
    with pytest.raises(ValueError, match="pack is 'zip'"):
        tm.compress(source, tmp_path / "out", pack="zip")
    assert not (tmp_path / "out").exists()
