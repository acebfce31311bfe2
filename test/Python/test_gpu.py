# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest, gpu-emulator
"""Artifacts for GPUs, on the driver of the tests (unittests/GPU/StubCuda.cpp), which runs kernels on the emulator."""
import ctypes
import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import tiny
import transformer_mlir as tm
from conftest import BUILD
from devices import Made, check_same, compile_model, ids_of
from transformer_mlir import _cli, _dlpack

STUB = BUILD / "unittests" / "libcuda-emulator.so"
RAGGED = [3, 1, 0, 7, 12]


@pytest.fixture(scope="module")
def stub():
    library = ctypes.CDLL(str(STUB))
    library.tm_stub_calls.argtypes = [ctypes.c_char_p]
    return library


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("TM_LIBCUDA", str(STUB))
    yield monkeypatch
    gc.collect()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("f16")
    return Made(tiny.sentence_model(folder / "checkpoint"), folder)


@pytest.fixture
def model(made, stub, environment):
    environment.setenv("TM_STUB_KERNELS", str(made.kernels))
    return tm.load(made.gpu, device="cuda")


def test_ragged_batches_equal_the_cpu(made, model):
    cpu = tm.load(made.cpu, device="cpu")
    for lengths in (RAGGED, [40], [1], [0, 0], []):
        batch = ids_of(lengths)
        types = [ids % 2 for ids in batch]
        check_same(model.run(batch), cpu.run(batch), 0.02)
        check_same(model.run(batch, token_type_ids=types), cpu.run(batch, token_type_ids=types), 0.02)


@pytest.mark.parametrize("cpu, gpu, tolerance", [
    ([], ["--dtype=f32"], 2e-5), ([], ["--dtype=bf16"], 0.15), (["--preset=small"], ["--pack=entropy"], 0.1)])
def test_types(cpu, gpu, tolerance, tmp_path, stub, environment):
    made = Made(tiny.sentence_model(tmp_path / "checkpoint"), tmp_path, cpu, gpu)
    assert not cpu or b".entropy" in (made.gpu / "weights.safetensors").read_bytes()
    environment.setenv("TM_STUB_KERNELS", str(made.kernels))
    batch = ids_of(RAGGED)
    check_same(tm.load(made.gpu).run(batch), tm.load(made.cpu).run(batch), tolerance)


@pytest.mark.parametrize("cpu, gpu, tolerance", [([], [], 0.02), (["--preset=small"], ["--dtype=bf16"], 0.2)])
def test_maps_of_arrays(cpu, gpu, tolerance, tmp_path, stub, environment):
    """Kernels for sm_90a get maps instead of addresses: of weights once, of other arrays in each call."""
    made = Made(tiny.sentence_model(tmp_path / "checkpoint"), tmp_path, cpu, gpu, chip="sm_90a")
    environment.setenv("TM_STUB_KERNELS", str(made.kernels))
    environment.setenv("TM_STUB_CAPABILITY", "90")
    assert b"linear_wgmma" in made.kernels.read_bytes()
    model, right = tm.load(made.gpu), tm.load(made.cpu)
    before = stub.tm_stub_calls(b"cuTensorMapEncodeTiled")
    for lengths in (RAGGED, [40], [40, 40, 40, 21], RAGGED, [3], RAGGED):  # what is mapped moves, and grows
        check_same(model.run(ids_of(lengths)), right.run(ids_of(lengths)), tolerance)
    assert stub.tm_stub_calls(b"cuTensorMapEncodeTiled") > before
    check_same(model.run(ids_of([])), right.run(ids_of([])), 0)
    environment.setenv("TM_STUB_FAIL", "cuTensorMapEncodeTiled")
    with pytest.raises(RuntimeError, match="cannot make a map of an array"):
        model.run(ids_of([5]))
    alive = stub.tm_stub_alive()
    with pytest.raises(RuntimeError, match="cannot make a map of an array"):
        tm.load(made.gpu)
    assert stub.tm_stub_alive() == alive


def test_kernels_start_before_others_are_done(tmp_path, stub, environment):
    """Where driver and code know how to wait; not the first, which follows a copy."""
    made = Made(tiny.sentence_model(tmp_path / "checkpoint"), tmp_path, chip="sm_90a")
    environment.setenv("TM_STUB_KERNELS", str(made.kernels))
    environment.setenv("TM_STUB_CAPABILITY", "90")
    right, batch = tm.load(made.cpu), ids_of([5, 3])

    def launches():
        return [stub.tm_stub_calls(name) for name in (b"cuLaunchKernel", b"cuLaunchKernelEx")]

    for driver, overlaps in (("12030", True), ("12020", False)):
        environment.setenv("TM_STUB_DRIVER", driver)
        model, before = tm.load(made.gpu), launches()
        check_same(model.run(batch), right.run(batch), 0.02)
        some, overlapping = (after - earlier for after, earlier in zip(launches(), before))
        assert overlapping == (some - 1 if overlaps else 0) and some > 10
    # The emulator knows what they must not touch before they have waited.
    careless = tmp_path / "careless.ll"
    careless.write_text(made.kernels.read_text().replace("call void @llvm.nvvm.griddepcontrol.wait()", ""))
    environment.setenv("TM_STUB_KERNELS", str(careless))
    check_same(model.run(batch), right.run(batch), 0.02)  # driver 12.2
    environment.setenv("TM_STUB_DRIVER", "12030")
    with pytest.raises(RuntimeError, match="cannot compute on the GPU"):
        tm.load(made.gpu).run(batch)


def test_encode_and_command_line(made, model, tmp_path):
    lines = tiny.sentences(5)
    vectors = model.encode(lines)
    assert np.abs(vectors - tm.load(made.cpu).encode(lines)).max() < 0.02
    (tmp_path / "lines").write_text("\n".join(lines))
    assert _cli.main(["encode", str(made.gpu), "--device=cuda", "--text", str(tmp_path / "lines"), "-o", str(tmp_path / "v.npy")]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), vectors)


def test_rows_do_not_depend_on_their_batch(model):
    batch = ids_of(RAGGED)
    together = model.run(batch)["sentence_embedding"]
    for i, ids in enumerate(batch):
        np.testing.assert_array_equal(model.run([ids])["sentence_embedding"][0], together[i])


def test_shapes_that_repeat_become_graphs(model, stub):
    def calls():
        return [stub.tm_stub_calls(name) for name in (b"cuGraphInstantiateWithFlags", b"cuGraphLaunch", b"cuLaunchKernel")]

    first = model.run(ids_of([4, 9], 1))
    before = calls()
    again = model.run(ids_of([9, 4], 1))  # as many tokens and sequences
    captured = calls()
    assert captured[:2] == [before[0] + 1, before[1] + 1]
    repeated = model.run(ids_of([4, 9], 1))
    after = calls()
    assert after == [captured[0], captured[1] + 1, captured[2]]  # not one launch
    check_same(repeated, first, 0)
    assert np.abs(again["sentence_embedding"] - first["sentence_embedding"]).max() > 0.01
    # A larger call moves the arrays: graphs are made anew, and are right.
    model.run(ids_of([30, 30, 30]))
    for _ in range(3):
        check_same(model.run(ids_of([4, 9], 1)), first, 0)
    assert calls()[0] == after[0] + 1


def test_few_graphs_are_kept(made, stub):
    model = tm.load(made.gpu)  # whose kernels do nothing
    model.run(ids_of([40]))
    alive, made_before = stub.tm_stub_alive(), stub.tm_stub_calls(b"cuGraphInstantiateWithFlags")
    for length in range(1, 40):
        for _ in range(3):
            model.run(ids_of([length]))
    assert stub.tm_stub_calls(b"cuGraphInstantiateWithFlags") == made_before + 39
    assert stub.tm_stub_alive() == alive + 16


def test_without_graphs_launches_go_on(model, environment):
    first = model.run(ids_of([5]))
    environment.setenv("TM_STUB_FAIL", "cuGraphInstantiateWithFlags")
    for _ in range(3):
        check_same(model.run(ids_of([5])), first, 0)


def test_threads_take_turns(model):
    batches = [ids_of([2 + i, 5], i) for i in range(4)]
    alone, found = [model.run(batch) for batch in batches], {}
    workers = [threading.Thread(target=lambda i=i: found.update({i: [model.run(batches[i]) for _ in range(3)]})) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for i in range(4):
        for result in found[i]:
            check_same(result, alone[i], 0)


def test_arrays_on_the_device(made, model):
    batch = ids_of(RAGGED)
    wanted = model.run(batch)
    packed, offsets = np.concatenate(batch), np.cumsum([0, *RAGGED])
    check_same(model.run(packed, offsets=offsets), wanted, 0)
    kept = model.run(packed, offsets=offsets, on_device=True)
    assert isinstance(kept["last_hidden_state"], _dlpack.DeviceArray) and kept["last_hidden_state"].shape == (23, 32)
    check_same({n: a if n == "offsets" else a.numpy() for n, a in kept.items()}, wanted, 0)
    # Into arrays of the caller's: one of the host, and one of the device, which says so by DLPack.
    host, device = np.empty((5, 32), np.float32), kept["last_hidden_state"]
    model.run(packed[::-1].copy(), offsets=offsets, out={"last_hidden_state": device})
    assert not np.array_equal(device.numpy(), wanted["last_hidden_state"])
    given = model.run(packed, offsets=offsets, out={"last_hidden_state": device, "sentence_embedding": host})
    assert given["last_hidden_state"] is device and given["sentence_embedding"] is host
    np.testing.assert_array_equal(device.numpy(), wanted["last_hidden_state"])
    np.testing.assert_array_equal(host, wanted["sentence_embedding"])


class OnDevice:
    """Integers on the GPU, as another package has them: float32 memory by another name."""

    def __init__(self, model, array):
        self.memory = _dlpack.DeviceArray(model, model._handle, array.shape, 0)
        model._handle.device_copy(self.memory.address, array.ctypes.data, array.nbytes)
        self.dtype = _dlpack.DataType(_dlpack.CODES[array.dtype.kind], 32, 1)

    def __dlpack_device__(self):
        return self.memory.__dlpack_device__()

    def __dlpack__(self, stream=None):
        assert stream == 1  # the default stream, which the model waits for
        capsule = self.memory.__dlpack__()
        _dlpack.Managed.from_address(_dlpack._pointer(capsule, _dlpack.NAME)).tensor.dtype = self.dtype
        return capsule


def test_ids_on_the_device(model):
    batch = ids_of([6, 6, 6])
    wanted = model.run(batch)
    dense = OnDevice(model, np.stack(batch))
    check_same(model.run(dense), wanted, 0)
    packed, offsets = OnDevice(model, np.concatenate(batch)), OnDevice(model, np.array([0, 6, 12, 18], np.int32))
    types = OnDevice(model, np.zeros(18, np.int32))
    check_same(model.run(packed, token_type_ids=types, offsets=offsets), wanted, 0)
    # What kernels would read beyond their tables with is found on the way.
    with pytest.raises(ValueError, match="input_ids: sequence 1, position 2 is 64; values must be at least 0 and below 64"):
        model.run(OnDevice(model, np.array([[1, 2, 3], [1, 2, 64]], np.int32)))
    with pytest.raises(TypeError, match="input_ids: has dtype float32, expected int32 on a GPU"):
        model.run(OnDevice(model, np.zeros((2, 3), np.float32)))
    with pytest.raises(ValueError, match="offsets: end with 20, and input_ids has 18 values"):
        model.run(packed, offsets=[0, 20])
    with pytest.raises(ValueError, match="say with offsets= where each sequence begins"):
        model.run(packed)
    with pytest.raises(ValueError, match="attention_mask: goes without"):
        model.run(dense, attention_mask=np.ones((3, 6), np.int32))


def test_outputs_that_do_not_fit(model):
    ids = ids_of([3])[0]
    for out, error, words in (
            ({"sentence_embedding": np.empty((2, 32), np.float32)}, ValueError, r"has shape \(2, 32\), and the output is \(1, 32\)"),
            ({"sentence_embedding": np.empty((1, 32))}, TypeError, "expected a NumPy array of float32"),
            ({"logits": np.empty((1, 32), np.float32)}, ValueError, "not an output that was asked for")):
        with pytest.raises(error, match=words):
            model.run(ids, offsets=[0, 3], out=out)


def test_capsules_live_as_long_as_somebody_holds_them(model, stub):
    lent = len(_dlpack._lent)
    capsule = model.run(ids_of([3])[0], offsets=[0, 3], on_device=True)["sentence_embedding"].__dlpack__()
    alive = stub.tm_stub_alive()
    gc.collect()
    assert len(_dlpack._lent) == lent + 1 and stub.tm_stub_alive() == alive
    del capsule
    gc.collect()
    assert len(_dlpack._lent) == lent and stub.tm_stub_alive() == alive - 1


def test_torch_takes_and_gives_arrays(made):
    torch = pytest.importorskip("torch")
    cpu = tm.load(made.cpu)
    ids = torch.tensor([[5, 6, 7]], dtype=torch.int32)
    np.testing.assert_array_equal(cpu.run(ids)["sentence_embedding"], cpu.run(ids.numpy())["sentence_embedding"])


@pytest.mark.parametrize("device, words", [("gpu", "expected 'cpu', 'cuda'"), ("cuda:x", "expected"), (0, "expected"), ("cuda:", "expected")])
def test_device_names(made, device, words):
    with pytest.raises(ValueError, match=words):
        tm.load(made.cpu, device=device)


def test_wrong_machine(made, model):
    with pytest.raises(RuntimeError, match="was compiled for CPUs; to run it on a GPU, compile .* --target=nvptx"):
        tm.load(made.cpu, device="cuda")
    with pytest.raises(RuntimeError, match="was compiled for NVIDIA GPUs; to run it on a CPU, compile .* --target=cpu"):
        tm.load(made.gpu, device="cpu")
    with pytest.raises(ValueError, match="input_ids: is on a GPU, and the model runs on a CPU"):
        tm.load(made.cpu).run(OnDevice(model, np.ones((1, 3), np.int32)))
    with pytest.raises(ValueError, match="compiled without probes"):
        model._handle.start_profile(0)


def has_driver():
    try:
        return bool(ctypes.CDLL("libcuda.so.1"))
    except OSError:
        return False


@pytest.mark.parametrize("variables, error, words", [
    ({"TM_LIBCUDA": "/nowhere/libcuda.so"}, RuntimeError, "cannot open the library that TM_LIBCUDA names: /nowhere/libcuda.so"),
    ({"TM_LIBCUDA": ""}, RuntimeError, "no NVIDIA driver (libcuda.so.1); compile the model with --target=cpu to run it here"),
    ({"TM_STUB_DEVICES": "0"}, RuntimeError, "the driver sees none on this machine"),
    ({"TM_STUB_FAIL": "cuInit"}, RuntimeError, "cannot start the NVIDIA driver: what the stub was told (CUDA_ERROR_OF_THE_STUB, 999)"),
    ({"TM_STUB_CAPABILITY": "75"}, RuntimeError, "model.so has code for sm_80, and GPU 0 (Stub) is sm_75, which cannot run it"),
    ({"TM_STUB_MEMORY": "100"}, MemoryError, "out of memory on GPU 0 (Stub): there are no 1 MB for weights"),
    ({"TM_STUB_FAIL_MODULE": "ptxas fatal: what it says"}, RuntimeError,
     "cannot load the GPU code of model.so (ptxas fatal: what it says): what the stub was told (CUDA_ERROR_INVALID_PTX, 218)"),
    ({"TM_STUB_FAIL": "cuStreamCreate"}, RuntimeError, "cannot make a stream"),
    ({"TM_STUB_FAIL": "cuModuleGetFunction"}, RuntimeError, "cannot find a kernel"),
    ({"TM_STUB_FAIL": "cuMemcpyHtoD_v2"}, RuntimeError, "cannot copy weights to the GPU"),
    ({"TM_STUB_FAIL": "cuDevicePrimaryCtxRetain"}, RuntimeError, "cannot use the GPU")])
def test_loads_that_fail(variables, error, words, made, stub, environment):
    if variables.get("TM_LIBCUDA") == "" and has_driver():
        pytest.skip("this machine has a driver")
    for name, value in variables.items():
        environment.setenv(name, value)
    alive = stub.tm_stub_alive()
    with pytest.raises(error) as caught:
        tm.load(made.gpu, device="cuda")
    assert words in str(caught.value)
    assert stub.tm_stub_alive() == alive
    tm.load(made.cpu).run([[1, 2]])  # as before


def test_the_second_gpu(made, environment):
    with pytest.raises(ValueError, match="there is no GPU 1: the NVIDIA driver sees 1, counted from 0"):
        tm.load(made.gpu, device="cuda:1")
    environment.setenv("TM_STUB_DEVICES", "2")
    assert tm.load(made.gpu, device="cuda:1").device == "cuda:1"


def test_calls_that_fail(model, environment):
    first = model.run(ids_of([3]))
    for function, words in (("cuLaunchKernel", "cannot launch a kernel"), ("cuMemcpyAsync", "cannot copy an array"),
                            ("cuMemHostAlloc", "cannot get memory that the GPU can read"), ("cuCtxPushCurrent_v2", "cannot use the GPU")):
        environment.setenv("TM_STUB_FAIL", function)
        with pytest.raises(RuntimeError, match=words):
            model.run(ids_of([40] * 5 if function == "cuMemHostAlloc" else [4]))
        environment.delenv("TM_STUB_FAIL")
        check_same(model.run(ids_of([3])), first, 0)


def test_out_of_memory_leaves_the_model_usable(model, environment):
    first = model.run(ids_of([3]))
    environment.setenv("TM_STUB_MEMORY", "200000")
    with pytest.raises(MemoryError, match=r"out of memory on GPU 0 \(Stub\): there are no \d+ MB for a call of this size"):
        model.run(ids_of([40] * 20))
    check_same(model.run(ids_of([3])), first, 0)


def test_a_forked_child_is_told(model):
    model.run(ids_of([3]))
    child = os.fork()
    if child == 0:
        try:
            model.run([[1]])
        except RuntimeError as problem:
            os._exit(0 if "a GPU does not follow a fork" in str(problem) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_newer_gpus_and_the_best_code(tmp_path, stub, environment):
    checkpoint = tiny.sentence_model(tmp_path / "checkpoint")
    compile_model(checkpoint, "-o", tmp_path / "gpu", "--target=nvptx", "--gpu-chip=sm_80,sm_90a,sm_90", "--dtype=f32")
    for capability, chip in (("80", "sm_80"), ("89", "sm_80"), ("90", "sm_90a"), ("100", "sm_90"), ("120", "sm_90")):
        environment.setenv("TM_STUB_CAPABILITY", capability)
        model = tm.load(tmp_path / "gpu")
        assert (model.targets, model.target) == (["sm_90a", "sm_90", "sm_80"], chip)


def test_weights_of_another_model(made, stub, tmp_path):
    import shutil
    shutil.copytree(made.gpu, tmp_path / "gpu")
    file = tmp_path / "gpu" / "weights.safetensors"
    bytes_ = bytearray(file.read_bytes())
    bytes_[-1] ^= 1
    file.write_bytes(bytes_)
    with pytest.raises(RuntimeError, match="do not match model.so"):
        tm.load(tmp_path / "gpu")
    assert stub.tm_stub_alive() == 0


def test_commands_exit_1(made, tmp_path):
    np.save(tmp_path / "ids.npy", np.array([[5, 6]], np.int32))
    done = subprocess.run([sys.executable, "-m", "transformer_mlir", "run", made.gpu, "--device=cuda", "--ids", tmp_path / "ids.npy",
                           "-o", tmp_path / "out.npz"], capture_output=True, text=True, env={**os.environ, "TM_LIBCUDA": "/nowhere.so"})
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "TM_LIBCUDA" in done.stderr
    done = subprocess.run([sys.executable, "-m", "transformer_mlir", "inspect", made.gpu], capture_output=True, text=True)
    assert done.returncode == 0 and "code for sm_80; this machine runs sm_80" in done.stdout


def test_tuned_artifacts_stay_for_gpus(made):
    from transformer_mlir import _files, _tune
    assert _tune.flags_of(_files.read_report(made.gpu)) == ["--target=nvptx", "--gpu-chip=sm_80"]


def test_profiles_are_of_cpus(made, capsys):
    assert _cli.main(["bench", str(made.gpu), "--profile"]) == 1
    assert "--profile shows the ops of models on a CPU" in capsys.readouterr().err


def test_nothing_is_left(stub):
    """Of all models before: memory, modules, streams, graphs, contexts."""
    gc.collect()
    assert stub.tm_stub_alive() == 0
