# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, tokenizers, cuda
"""Artifacts on a real GPU, for machines that have one: the numbers of the CPU's, and graphs, DLPack and PyTorch."""
import subprocess
import sys

import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from conftest import ROOT
from devices import TEXTS, check_parts, check_same, compile_model, ids_of, text_arguments, text_batch

ALL = "sm_80,sm_90,sm_90a,sm_100"  # the best that this GPU can run is taken
RAGGED = [3, 1, 0, 7, 40, 12, 33, 2]


@pytest.fixture(scope="module")
def cpu(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cuda")
    compile_model(tiny.sentence_model(folder / "checkpoint"), "-o", folder / "cpu")
    return folder / "cpu"


def load(source, out, *arguments):
    compile_model(source, "-o", out, "--target=nvptx", *arguments)
    return tm.load(out, device="cuda")


@pytest.mark.parametrize("chips", ["sm_80", ALL])
@pytest.mark.parametrize("dtype, tolerance", [("f32", 2e-5), ("f16", 0.02), ("bf16", 0.15)])
def test_numbers(cpu, dtype, tolerance, chips, tmp_path):
    model, wanted = load(cpu, tmp_path / "gpu", f"--dtype={dtype}", f"--gpu-chip={chips}"), tm.load(cpu)
    for lengths in (RAGGED, [40] * 8, [1], [0, 0], list(range(41))):
        batch = ids_of(lengths, len(lengths))
        right, first = wanted.run(batch), model.run(batch)
        check_same(first, right, tolerance)
        for _ in range(3):  # one by one, captured, and as a graph
            check_same(model.run(batch), first, 0)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("dtype, limit", [("f32", 2e-5), ("f16", 0.02), ("bf16", 0.1)])
def test_every_kernel(name, dtype, limit, tmp_path):
    source = text_arguments(name, tmp_path)
    compile_model(*source, "-o", tmp_path / "cpu")
    wanted = tm.load(tmp_path / "cpu")
    batch = text_batch(wanted)
    for chip in ("sm_80", ALL):
        compile_model(*source, "-o", tmp_path / chip, "--target=nvptx", f"--dtype={dtype}", f"--gpu-chip={chip}")
        check_parts(tm.load(tmp_path / chip, device="cuda").run(**batch), wanted.run(**batch), limit)


def test_i8_and_coded_weights(cpu, tmp_path):
    compile_model(cpu.parent / "checkpoint", "-o", tmp_path / "cpu", "--preset=small")
    batch = ids_of(RAGGED)
    check_same(load(tmp_path / "cpu", tmp_path / "gpu", "--pack=entropy", f"--gpu-chip={ALL}").run(batch),
               tm.load(tmp_path / "cpu").run(batch), 0.1)


@pytest.mark.parametrize("dtype, tolerance", [("f32", 2e-5), ("f16", 0.01)])
def test_fourier_transforms(dtype, tolerance, tmp_path):
    subprocess.run([sys.executable, ROOT / "test/Import/Inputs/checkpoint.py", "fnet", tmp_path / "checkpoint"], check=True)
    compile_model(tmp_path / "checkpoint", "-o", tmp_path / "cpu")
    generator, wanted = np.random.default_rng(0), tm.load(tmp_path / "cpu")
    batch = [generator.integers(4, 20, n).astype(np.int32) for n in (3, 8, 0, 12, 6, 8, 5)]
    right = wanted.run(batch)
    for start in (0, 6):  # all by kernels, and the long ones by cuFFT, if it is there
        model = load(tmp_path / "cpu", tmp_path / f"gpu{start}", f"--dtype={dtype}", f"--gpu-chip={ALL}", f"--fft-from={start}")
        first = model.run(batch)
        check_same(first, right, tolerance)
        for _ in range(3):
            check_same(model.run(batch), first, 0)
        check_same(model.run([batch[1]]), wanted.run([batch[1]]), tolerance)


def test_rows_do_not_depend_on_their_batch(cpu, tmp_path):
    model, batch = load(cpu, tmp_path / "gpu", f"--gpu-chip={ALL}"), ids_of(RAGGED)
    together = model.run(batch)["sentence_embedding"]
    for i, ids in enumerate(batch):
        np.testing.assert_array_equal(model.run([ids])["sentence_embedding"][0], together[i])
    many = model.run(batch * 100)["sentence_embedding"]  # products of many rows have kernels of their own
    np.testing.assert_array_equal(many, np.tile(together, (100, 1)))


def test_arrays_on_the_device(cpu, tmp_path):
    model, batch = load(cpu, tmp_path / "gpu"), ids_of(RAGGED)
    wanted = model.run(batch)
    packed, offsets = np.concatenate(batch), np.cumsum([0, *RAGGED])
    kept = model.run(packed, offsets=offsets, on_device=True)
    np.testing.assert_array_equal(kept["last_hidden_state"].numpy(), wanted["last_hidden_state"])
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch has no CUDA here")
    rows = torch.from_dlpack(kept["sentence_embedding"])
    assert rows.is_cuda and np.array_equal(rows.cpu().numpy(), wanted["sentence_embedding"])
    ids, out = torch.from_numpy(packed).cuda(), torch.empty(len(RAGGED), 32, device="cuda")
    for _ in range(3):
        out.zero_()
        model.run(ids, offsets=torch.tensor(offsets, dtype=torch.int32, device="cuda"), out={"sentence_embedding": out})
        assert np.array_equal(out.cpu().numpy(), wanted["sentence_embedding"])


def test_the_reference_checkpoint(artifact, checkpoint, tmp_path):
    lines = [f"{line} {line}" for line in ("a river in the north", "how do I bake bread?", "x", "the price of copper rose") * 8]
    wanted = tm.load(artifact).encode(lines, normalize=True)
    for arguments, least in ((["--dtype=f16"], 0.9999), (["--dtype=bf16"], 0.999), (["--quantize=i8"], 0.98)):
        found = load(checkpoint, tmp_path / arguments[0][2:], f"--gpu-chip={ALL}", *arguments).encode(lines, normalize=True)
        assert (found * wanted).sum(1).min() >= least
