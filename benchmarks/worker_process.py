"""A system in a process of its own, which runs worker.py. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
COMPILER = ["cc", "-O3", "-march=native", "-ffp-contract=fast"]


def native(source, target, flags=("-shared", "-fPIC")):
    """A small C file, if there is a compiler."""
    command = [*COMPILER, str(HERE / "systems" / source), *map(str, flags), "-o", str(target)]
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


def pinned(threads, options):
    """The first words of a command that runs on `threads` CPUs."""
    ours = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", options.cpus or ",".join(map(str, ours[:threads]))]


class Worker:
    def __init__(self, name, system, threads, options):
        self.name, self.log = name, tempfile.TemporaryFile("w+")
        environment = dict(os.environ)
        if system == "pytorch-mkl":
            environment["LD_PRELOAD"] = str(options.work / "mkl.so")
        self.process = subprocess.Popen(
            [*pinned(threads, options), sys.executable, "worker.py", options.work, system, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd=HERE, env=environment)

    def ask(self, line):
        answer = ""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        if not answer:
            self.process.wait()
            self.log.seek(0)
            last = self.log.read().strip().split("\n")[-1]
            raise RuntimeError(f"{self.name} ended at '{line}': {last}")
        return json.loads(answer)

    @contextlib.contextmanager
    def realtime(self, on):
        """While it computes, if `on`: nothing else runs on its CPUs."""
        self.schedule(os.SCHED_FIFO, 50, on)
        try:
            yield
        finally:
            self.schedule(os.SCHED_OTHER, 0, on)

    def schedule(self, policy, priority, on):
        threads = os.listdir(f"/proc/{self.process.pid}/task") if on else []
        for thread in threads:
            with contextlib.suppress(ProcessLookupError):  # a thread may have ended
                os.sched_setscheduler(int(thread), policy, os.sched_param(priority))

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
