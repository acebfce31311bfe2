# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest
"""The package as a whole: imports, the wheel, the command line."""
import json
import os
import subprocess
import sys
import zipfile

import pytest

from conftest import BUILD, ROOT


def python(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "TRANSFORMER_MLIR_BUILD": str(BUILD)}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, **options)


def command(*arguments, **options):
    return python("-m", "transformer_mlir", *map(str, arguments), **options)


def test_import_pulls_in_numpy_only():
    code = ("import sys; before = set(sys.modules); import transformer_mlir, transformer_mlir._commands\n"
            "new = {m.split('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
            "print(sorted(m for m in new if not m.startswith('_')))")
    done = python("-c", code)
    assert done.stdout.strip() == "['numpy', 'transformer_mlir']", done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["compress"], ["compress", "somewhere"], ["bench", "x", "--batch", "0"],
    ["bench", "x", "--lengths", "a"], ["encode", "x"], ["run", "x", "-o", "y.npz", "--threads", "-1"],
    ["compress", "/does/not/exist", "-o", "out"], ["compress", ".", "-o", "out", "--preset", "none"],
    ["compress", ".", "-o", "out", "--quantize", "i3"], ["compress", ".", "-o", "out", "--dtype", "f16"],
    ["compress", ".", "-o", "out", "--preset", "bf16", "--quantize", "i8"],
    ["run", "/does/not/exist", "--ids", "x.npy", "-o", "y.npz"], ["inspect", "/does/not/exist"],
])
def test_wrong_usage_exits_with_1(arguments, tmp_path):
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith("transformer-mlir")
    assert "Traceback" not in done.stderr and not list(tmp_path.iterdir())


def test_help_and_presets():
    done = command("--help")
    assert done.returncode == 0
    for name in ("compress", "profile", "encode", "run", "bench", "inspect", "presets"):
        assert name in done.stdout
        assert command(name, "--help").returncode == 0
    rows = [line.split() for line in command("presets").stdout.splitlines()]
    assert [row[0] for row in rows[:9]] == ["preset", "exact", "bf16", "int8", "int4", "small", "tiny", "turbo", "static"]
    assert all(row[0].startswith("(") or row[:2] == ["turbo", "--tune"] for row in rows[9:])  # naive controls, tuned ones


def test_inspect(checkpoint):
    done = command("inspect", checkpoint, "--depth", 3)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    layer = next(r for r in rows if r[0] == "encoder.layer.0")
    # Weights: 4 H^2 + 2 H F; scores and their use: 2 N^2 H.
    assert layer[4] == f"{128 * (4 * 384**2 + 2 * 384 * 1536) + 2 * 128 * 128 * 384:,}"
    assert rows[-1][2] == "22,713,216"


def test_run_and_its_errors(fake, tmp_path):
    np = pytest.importorskip("numpy")
    np.save(tmp_path / "ids.npy", np.array([1, 2, 3, 4]))
    np.save(tmp_path / "lengths.npy", np.array([3, 0, 1]))
    np.save(tmp_path / "wrong.npy", np.array([3, 2]))
    (tmp_path / "text.npy").write_text("no array")
    run = ["run", fake, "--ids", tmp_path / "ids.npy", "-o", tmp_path / "out.npz", "--lengths"]
    done = command(*run, tmp_path / "lengths.npy")
    assert done.returncode == 0, done.stderr
    out = np.load(tmp_path / "out.npz")
    assert out["offsets"].tolist() == [0, 3, 3, 4] and out["last_hidden_state"][:, 0].tolist() == [1, 2, 3, 4]
    (tmp_path / "out.npz").unlink()
    huge = b"\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }"
    (tmp_path / "huge.npy").write_bytes(huge.ljust(127) + b"\n")
    for name in ("wrong.npy", "text.npy", "missing.npy", "huge.npy"):
        done = command(*run, tmp_path / name)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
        assert "Errno" not in done.stderr and (name == "wrong.npy" or name in done.stderr), done.stderr
    assert not list(tmp_path.glob("*out.npz*"))


def test_output_files(tmp_path):
    """A link stays a link, and what is no regular file stays what it is."""
    from transformer_mlir._files import new_file
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/file")
    for text in (b"one", b"two"):
        with new_file(tmp_path / "link") as file:
            file.write(text)
        assert (tmp_path / "link").is_symlink() and (tmp_path / "folder/file").read_bytes() == text
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with new_file(tmp_path / "pipe") as file:
        file.write(b"three")
    assert os.read(reader, 100) == b"three" and (tmp_path / "pipe").is_fifo()
    os.close(reader)
    if os.path.exists("/dev/full"):  # behind a link of ours: nothing in /dev is at risk
        (tmp_path / "full").symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left on device: .*full"):
            with new_file(tmp_path / "full") as file:
                file.write(b"four")
        assert (tmp_path / "full").is_symlink()
    assert sorted(os.listdir(tmp_path)) == sorted(["folder", "link", "pipe"] + ["full"] * os.path.exists("/dev/full"))


def test_bench(fake):
    done = command("bench", fake, "--batch", "1,2", "--lengths", "8", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    assert "tokens/s" in done.stdout and done.stdout.count("transformer-mlir") == 2
    assert command("bench", fake, "--lengths", "17").returncode == 1


def test_bench_against_no_checkpoint(fake, tmp_path):
    pytest.importorskip("transformers")
    done = command("bench", fake, "--batch", "1", "--lengths", "8", "--rounds", "1", "--against", tmp_path)
    assert done.returncode == 1 and done.stderr == \
        f"transformer-mlir: error: {tmp_path}: has no config.json, so it is no checkpoint to compare with\n"


def test_profile(fake, tmp_path):
    trace = tmp_path / "trace.json"
    done = command("bench", fake, "--profile", "--batch", "1,2", "--rounds", "1", "--trace", trace)
    assert done.returncode == 0, done.stderr
    row = next(line.split() for line in done.stdout.splitlines() if "some.path" in line)
    assert row[0] == "sum" and float(row[2]) > 1000 and float(row[3]) > 50 and row[5] == "1", row
    events = json.loads(trace.read_text())["traceEvents"]
    assert {e["pid"] for e in events} == {0, 1}
    ops = [e for e in events if e.get("cat") == "op"]
    assert len(ops) == 6 and all(e["ph"] == "X" and e["dur"] >= 1000 and e["args"]["path"] == "some.path" for e in ops)
    calls = [e for e in events if e.get("cat") == "call" and e["pid"] == 0]
    assert all(any(c["ts"] <= e["ts"] and e["ts"] + e["dur"] <= c["ts"] + c["dur"] for c in calls)
               for e in ops if e["pid"] == 0)
    spans = json.loads(command("bench", fake, "--profile", "--rounds", "1", "--json").stdout)[0]["spans"]
    assert [s["op"] for s in spans] == ["sum"] and spans[0]["runs"] == 1
    for wrong in (["--trace", trace], ["--profile", "--against", "x"], ["--text", "x", "--batch", "1"]):
        done = command("bench", fake, *wrong)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr


def test_wheel(tmp_path):
    if not (BUILD / "build.ninja").exists():
        pytest.skip("there is no build to take the programs from")
    sys.path.insert(0, str(ROOT / "python/build_backend"))
    import backend
    backend.build_programs = lambda: None  # the build under test is up to date
    with zipfile.ZipFile(tmp_path / backend.build_wheel(str(tmp_path))) as wheel:
        names = wheel.namelist()
        meta = wheel.read(f"{backend.DIST_INFO}/METADATA").decode()
    assert {"transformer_mlir/bin/transformer-opt", "transformer_mlir/bin/transformer-compile",
            "transformer_mlir/__init__.py"} <= set(names)
    needs = [line.split(": ")[1] for line in meta.splitlines() if line.startswith("Requires-Dist")]
    assert needs == ["numpy", "tokenizers"]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target",
                    str(tmp_path / "site"), str(next(tmp_path.glob("*.whl")))], check=True)
    program = tmp_path / "site/transformer_mlir/bin/transformer-compile"
    assert subprocess.run([program, "--version"], capture_output=True).returncode == 0


def test_the_command_starts_at_once():
    """What takes long to import is imported where Ctrl-C is heeded already."""
    code = "import transformer_mlir._cli, sys; sys.exit('numpy' in sys.modules or 'transformer_mlir._compress' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    code = "import transformer_mlir as tm; assert tm.DEFAULT_PRESET in tm.PRESETS and all(hasattr(tm, n) and n in dir(tm) for n in tm.__all__)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
