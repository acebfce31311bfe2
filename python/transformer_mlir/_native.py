"""Where the compiled programs are: in the installed package, or in a build tree.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent


def candidates(name):
    build = os.environ.get("TRANSFORMER_MLIR_BUILD")
    if build:
        yield pathlib.Path(build) / "bin" / name
    yield HERE / "bin" / name
    yield HERE.parents[1] / "build" / "bin" / name  # a checkout used in place


def find(name):
    """The path of the program `name`."""
    for path in candidates(name):
        if os.access(path, os.X_OK):
            return str(path)
    raise FileNotFoundError(
        f"{name} was not found: install the package with 'pip install .' in its checkout, "
        "or set TRANSFORMER_MLIR_BUILD to a build directory")


def run(name):
    """Replaces this process by the program (the commands that the package installs)."""
    try:
        path = find(name)
        os.execv(path, [path, *sys.argv[1:]])
    except OSError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 1


def transformer_opt():
    return run("transformer-opt")


def transformer_compile():
    return run("transformer-compile")
