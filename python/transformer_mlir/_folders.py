"""Directories that take the place of others as a whole, and what they hold.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import ctypes
import errno
import hashlib
import os
import shutil

from . import _files

AT_FDCWD, RENAME_EXCHANGE = -100, 2
BLOCK = 1 << 20
ASIDE = ".aside"  # of a directory that is about to take another one's place: where that one is meanwhile


def exchange(one, other):
    """Two names change places in one step. False where the system or the file system has no such step."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    if call(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS):
        return False
    raise OSError(code, os.strerror(code), other)


def replace(made, out):
    """The directory `made` becomes `out`: a new name, an empty directory or an older artifact, which goes.

    Whoever looks at `out` sees the one or the other, whenever this is interrupted. Where names cannot change places
    the older one is away for a moment, and `recover` brings it back if that moment was the last.
    """
    _files.check_target(out)
    out = os.path.realpath(out)  # a link stays a link
    if not os.path.isdir(out) or not os.listdir(out):
        os.rename(made, out)
    elif exchange(made, out):
        shutil.rmtree(made)
    else:
        shutil.rmtree(made + ASIDE, ignore_errors=True)
        try:
            os.rename(out, made + ASIDE)
            os.rename(made, out)
        finally:
            recover(made, out)
        shutil.rmtree(made + ASIDE)


def recover(made, out):
    """What an interrupted `replace` put aside goes back, if nothing has taken its place."""
    if os.path.isdir(made + ASIDE) and not os.path.lexists(out):
        os.rename(made + ASIDE, out)


def remove(path):
    """A file or a directory, if it is there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def digest(path):
    """Of names and contents of a file or of a directory; None of what is not there or cannot be read."""
    total = hashlib.sha256()
    try:
        for file in files_of(path) if os.path.isdir(path) else [path]:
            total.update(f"{os.path.relpath(file, path)}\0{os.path.getsize(file)}\0".encode("utf-8", "surrogateescape"))
            with open(file, "rb") as stream:
                while block := stream.read(BLOCK):
                    total.update(block)
    except OSError:
        return None
    return total.hexdigest()


def files_of(folder):
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names)
