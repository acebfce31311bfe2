"""Files that are whole or not there, and text as lines. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import contextlib
import json
import os
import secrets
import sys

import numpy as np

HELD_OUT = 10  # every tenth text
ARTIFACT = ("model.so", "weights.safetensors", "report.json")  # by which the compiler knows one, too


@contextlib.contextmanager
def new_file(path):
    """A file that takes the place of `path` when it is complete, or is gone.

    What is no regular file (/dev/null, a pipe) is written to as it is, and a
    link stays a link: its target is what gets replaced.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{folder}: no such directory")
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path}: is a directory, expected a file name")
    with naming(path):
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as file:
                yield file
            return
        target = os.path.realpath(path)
        # Named first, so that no interruption leaves a file that nobody knows of.
        temporary = os.path.join(os.path.dirname(target), f".{os.path.basename(target)[:200]}.{os.getpid()}-{secrets.token_hex(6)}")
        try:
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise


@contextlib.contextmanager
def naming(path):
    """A full disk, or a folder that cannot be written, with the name that the user gave."""
    try:
        yield
    except OSError as problem:
        if problem.errno is None:  # already a sentence
            raise
        raise OSError(problem.errno, problem.strerror, os.fspath(path)) from None


def read_array(path):
    try:
        with open(path, "rb") as file:
            if file.read(6) != b"\x93NUMPY":
                raise ValueError(f"{path}: is not a .npy file")
        return np.load(path, allow_pickle=False)
    except (EOFError, ValueError, MemoryError) as problem:
        text = str(problem)
        raise ValueError(text if text.startswith(path) else f"{path}: cannot be read: {text}") from None


def read_lines(path):
    """The lines of a UTF-8 file, or of standard input (-), empty ones too."""
    name = "standard input" if path == "-" else path
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ValueError(f"{name}: is not UTF-8 (byte {problem.start})") from None
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def read_report(out):
    """report.json of an artifact directory."""
    path = os.path.join(out, "report.json")
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except FileNotFoundError:
        if not os.path.isdir(out):
            raise FileNotFoundError(f"{out}: no such artifact directory") from None
        raise FileNotFoundError(f"{out}: has no report.json; expected what compress has written") from None
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"{path}: is not JSON: {problem}") from None
    if not isinstance(report, dict):
        raise ValueError(f"{path}: is not a JSON object")
    return report


def write_json(path, value):
    with new_file(path) as file:
        file.write((json.dumps(value, indent=1, allow_nan=False) + "\n").encode("utf-8"))


def read_texts(sources):
    """Distinct texts in their order, without empty ones, and the counts of what was left out.

    Of one file, or of a list of texts (str) and of files with one a line (pathlib.Path).
    """
    single = isinstance(sources, (str, os.PathLike))
    files, lines = list(getattr(sources, "files", ())), []
    for source in [sources] if single else sources:
        if single or isinstance(source, os.PathLike):
            files.append(os.fspath(source))
            lines += read_lines(os.fspath(source))
        elif isinstance(source, str):
            lines.append(source)
        else:
            raise TypeError(f"text has a {type(source).__name__}, expected sentences, or files as pathlib.Path")
    full = [line.strip() for line in lines if line.strip()]
    texts = list(dict.fromkeys(full))
    return texts, {"files": files, "lines": len(lines), "empty": len(lines) - len(full),
                   "repeated": len(full) - len(texts), "distinct": len(texts)}


def write_tensors(path, tensors, metadata=None):
    """A .safetensors file of the (type, array) of each name."""
    header, end = {"__metadata__": metadata} if metadata else {}, 0
    for name, (kind, array) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end := end + array.nbytes]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with naming(path), open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def read_tensors(path):
    """(type, array) of each name in a .safetensors file that a program of ours has written."""
    kinds = {"F32": np.float32, "F64": np.float64, "I8": np.int8, "U8": np.uint8, "I32": np.int32, "BF16": np.uint16}
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = np.memmap(path, np.uint8, "r", offset=8 + size) if os.path.getsize(path) > 8 + size else np.empty(0, np.uint8)
    header.pop("__metadata__", None)
    return {name: (one["dtype"], data[slice(*one["data_offsets"])].view(kinds[one["dtype"]]).reshape(one["shape"]))
            for name, one in header.items() if one["dtype"] in kinds}


def check_target(out):
    """What transformer-compile would say at the end of the work."""
    if os.path.exists(out) and not os.path.isdir(out):
        raise NotADirectoryError(f"{out}: is a file; name a directory for the artifact")
    if os.path.islink(out) and not os.path.exists(out):
        raise FileNotFoundError(f"{out}: is a link to nothing; make the directory that it names, or name another one")
    if os.path.isdir(out) and os.listdir(out) and not all(os.path.exists(os.path.join(out, name)) for name in ARTIFACT):
        raise FileExistsError(f"{out}: is not empty and holds no artifact, so it is left alone; name another directory")
    parent = os.path.dirname(os.path.abspath(out))
    if not os.path.isdir(parent):
        raise FileNotFoundError(f"{parent}: no such directory")


def hold_out(items):
    """(the others, every HELD_OUT-th one, which is to be judged by)."""
    return [item for i, item in enumerate(items) if i % HELD_OUT], items[::HELD_OUT]
