"""Builds the wheel (PEP 517) with nothing but the standard library.

The native programs come from build/, which CMake brings up to date first: an
existing build is used again, whatever its preset.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import base64
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sysconfig
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TRANSFORMER_MLIR_BUILD", ROOT / "build"))
PROGRAMS = ("transformer-opt", "transformer-compile")
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "python/transformer_mlir/_version.py").read_text()).group(1)
DIST_INFO = f"transformer_mlir-{VERSION}.dist-info"
PLATFORM = sysconfig.get_platform().replace("-", "_").replace(".", "_")
SUMMARY = "Compiles transformer checkpoints to small native libraries, with MLIR"


def metadata():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return (f"Metadata-Version: 2.1\nName: transformer-mlir\nVersion: {VERSION}\nSummary: {SUMMARY}\n"
            "License: Apache-2.0 WITH LLVM-exception\nLicense-File: LICENSE\nRequires-Python: >=3.9\n"
            "Requires-Dist: numpy\nRequires-Dist: tokenizers\n"
            f"Description-Content-Type: text/markdown\n\n{readme}")


def commands():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("[project.scripts]")[1]
    return "[console_scripts]\n" + text.strip().replace('"', "") + "\n"


def wheel_tag():
    return f"Wheel-Version: 1.0\nGenerator: transformer-mlir\nRoot-Is-Purelib: false\nTag: py3-none-{PLATFORM}\n"


def build_programs():
    for tool in ("cmake", "ninja", "clang++-22", "ld.lld-22", "ccache"):
        if not (BUILD / "build.ninja").exists() and not shutil.which(tool):
            raise SystemExit(f"error: {tool} was not found; on Debian 12, scripts/demo or scripts/check install "
                             "what the build needs, see docs/getting-started.md")
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release", "-B", str(BUILD)], cwd=ROOT, check=True)
    subprocess.run(["cmake", "--build", str(BUILD), "--target", *PROGRAMS], check=True)


class Wheel:
    def __init__(self, path):
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self.record = []

    def add(self, name, data, mode=0o644):
        data = data.encode() if isinstance(data, str) else data
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the same input gives the same file
        entry.external_attr, entry.compress_type = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
        self.zip.writestr(entry, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self.record.append(f"{name},sha256={digest},{len(data)}")

    def close(self):
        self.add(f"{DIST_INFO}/METADATA", metadata())
        self.add(f"{DIST_INFO}/WHEEL", wheel_tag())
        self.add(f"{DIST_INFO}/entry_points.txt", commands())
        self.add(f"{DIST_INFO}/LICENSE", (ROOT / "LICENSE").read_bytes())
        self.record.append(f"{DIST_INFO}/RECORD,,")
        self.zip.writestr(f"{DIST_INFO}/RECORD", "\n".join(self.record) + "\n")
        self.zip.close()


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    build_programs()
    name = f"transformer_mlir-{VERSION}-py3-none-{PLATFORM}.whl"
    wheel = Wheel(os.path.join(wheel_directory, name))
    package = ROOT / "python/transformer_mlir"
    for path in sorted([*package.glob("*.py"), *package.glob("*.json")]):
        wheel.add(f"transformer_mlir/{path.name}", path.read_bytes())
    for program in PROGRAMS:
        wheel.add(f"transformer_mlir/bin/{program}", (BUILD / "bin" / program).read_bytes(), 0o755)
    wheel.close()
    return name


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """The checkout itself is imported, and its build/bin is found from there."""
    build_programs()
    name = f"transformer_mlir-{VERSION}-py3-none-{PLATFORM}.whl"
    wheel = Wheel(os.path.join(wheel_directory, name))
    wheel.add("transformer_mlir.pth", f"{ROOT / 'python'}\n")
    wheel.close()
    return name


def build_sdist(sdist_directory, config_settings=None):
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    stem = f"transformer_mlir-{VERSION}"
    with tarfile.open(os.path.join(sdist_directory, f"{stem}.tar.gz"), "w:gz") as archive:
        for name in filter(None, files):
            archive.add(ROOT / name, f"{stem}/{name}")
        info = ROOT / "build" / "PKG-INFO"
        info.parent.mkdir(exist_ok=True)
        info.write_text(metadata(), encoding="utf-8")
        archive.add(info, f"{stem}/PKG-INFO")
    return f"{stem}.tar.gz"
