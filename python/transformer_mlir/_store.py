"""What a search has found out so far: the directory OUT.search.

Of each step it holds the result and a checksum, written when the step is done,
so whatever ends a search, the next one goes on with what is whole.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import fcntl
import hashlib
import json
import os

from . import _files, _folders

STATE, LOCK = "search.json", "lock"


def checksum(state):
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


class Store:
    """Results by name in `state`, kept in search.json, and files. `show` takes lines.

    A context: one search at a time has it. The lock ends with the process, whatever ends that.
    """

    def __init__(self, out, key, show):
        self.folder, self.key, self.show = os.path.realpath(out) + ".search", key, show
        self.path = self.file(STATE)

    def file(self, name):
        return os.path.join(self.folder, name)

    def __enter__(self):
        self.check()
        self.lock = self.claim()
        try:
            self.open()
        except BaseException:
            self.lock.close()
            raise
        return self

    def __exit__(self, *_):
        self.lock.close()

    def check(self):
        if os.path.lexists(self.folder) and not os.path.isdir(self.folder):
            raise NotADirectoryError(f"{self.folder}: is a file, and a search keeps there what it finds out; move it, or name another OUT")
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        if names and STATE not in names and LOCK not in names:
            raise FileExistsError(f"{self.folder}: is not empty and is not of a search, so it is left alone; move it, or name another OUT")

    def claim(self):
        while True:
            os.makedirs(self.folder, exist_ok=True)
            try:
                lock = open(self.file(LOCK), "a+", encoding="utf-8")  # not passed on to the compiler
            except FileNotFoundError:  # a search that ended has just removed the directory
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                owner = lock.read().strip()
                lock.close()
                raise RuntimeError(f"{self.folder}: another search is at work there{f' (process {owner})' if owner else ''}: "
                                   "let it end, or name another OUT") from None
            except OSError:
                pass  # a file system without locks
            try:
                if os.path.samestat(os.fstat(lock.fileno()), os.stat(self.file(LOCK))):
                    break
            except FileNotFoundError:
                pass
            lock.close()
        with _files.naming(self.file(LOCK)):
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
        return lock

    def open(self):
        for name in os.listdir(self.folder):
            if name.startswith("."):  # half of something, of a process that was killed
                _folders.remove(self.file(name))
        self.state = self.read()
        if self.state is None or self.state.get("key") != self.key:
            self.clear()
            self.state = {"key": self.key, "files": {}, "runs": []}
            self.save()

    def read(self):
        """The state, or None if there is none, or one that was changed."""
        if not os.path.exists(self.path):
            return None
        try:
            with open(self.path, encoding="utf-8") as file:
                found = json.load(file)
            if checksum(found["state"]) == found["checksum"]:
                return found["state"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        self.show(f"{self.path}: is damaged, or of another version, so the search starts anew")
        return None

    def save(self):
        _files.write_json(self.path, {"checksum": checksum(self.state), "state": self.state})

    def remember(self, name, make):
        if name not in self.state:
            self.state[name] = make()
            self.save()
        return self.state[name]

    def keep(self, name, make):
        """The path of a file or directory that is as it was when it was made, by `make(path)`; made anew if it is not."""
        path, files = self.file(name), self.state["files"]
        if name not in files or files[name] != _folders.digest(path):
            if name in files:
                self.show(f"{path}: is gone or damaged, so it is made again")
            _folders.remove(path)
            make(path)
            files[name] = _folders.digest(path)
            self.save()
        return path

    def clear(self):
        """All but the lock goes, and search.json first: what is left of half a removal must not be believed."""
        _folders.remove(self.path)
        for name in os.listdir(self.folder):
            if name != LOCK:
                _folders.remove(self.file(name))

    def remove(self):
        try:
            self.clear()
            os.unlink(self.file(LOCK))
            os.rmdir(self.folder)
        except OSError as problem:  # the goal is reached all the same
            self.show(f"{self.folder}: cannot be removed: {problem.strerror}")
