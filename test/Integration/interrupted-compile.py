# Stopped at any time, or with a full disk: the old artifact stays whole, and
# nothing else is left. The file size limit stands in for a full disk.
# RUN: rm -rf %t && mkdir %t && %python %s %t %S/Inputs/tiny.mlir
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time

root, model = sys.argv[1:]
out = os.path.join(root, "out")
command = ["transformer-compile", model, "-o", out]


def digest():
    """Of all files but the report, which holds times."""
    total = hashlib.sha256()
    for folder, folders, files in sorted(os.walk(out)):
        for name in sorted(files):
            total.update(name.encode())
            if name != "report.json":
                total.update(open(os.path.join(folder, name), "rb").read())
    return total.hexdigest()


begin = time.time()
subprocess.run(command, check=True)
length = time.time() - begin
whole = digest()
assert os.listdir(root) == ["out"]

for step, number in enumerate([signal.SIGINT, signal.SIGTERM, signal.SIGHUP] * 4):
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    time.sleep(length * 1.1 * step / 11)
    process.send_signal(number)
    message = process.communicate(timeout=60)[1].decode()
    assert process.returncode in (-number, 0), (number, process.returncode, message)
    assert os.listdir(root) == ["out"], os.listdir(root)
    assert digest() == whole, step

for kilobytes in (0, 1, 2, 6, 12, 24):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024,) * 2)
    run = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit, timeout=60)
    assert run.returncode == 1, (kilobytes, run)
    assert run.stderr.count("error: ") == 1 and "File too large" in run.stderr, (kilobytes, run.stderr)
    assert os.listdir(root) == ["out"], os.listdir(root)
    assert digest() == whole, kilobytes

# Little memory: the loader of the program gives up, then the compiler, until it is enough. (Threads
# of OpenBLAS would ask for theirs again and again.)
alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
codes = []
while not codes or (codes[-1] and len(codes) < 40 and "ASAN_OPTIONS" not in os.environ):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, ((300 + 30 * len(codes)) << 20,) * 2)
    run = subprocess.run(command, capture_output=True, text=True, env=alone, preexec_fn=limit, timeout=60)
    codes.append(run.returncode)
    assert run.returncode in (0, 1, 127) and run.stderr.count("error: ") <= 1, run
    assert os.listdir(root) == ["out"], os.listdir(root)
    assert digest() == whole, run
assert "ASAN_OPTIONS" in os.environ or (codes[-1] == 0 and 1 in codes), codes

# A new artifact takes the old one's place as a whole: stale files go.
open(os.path.join(out, "stale"), "w").close()
subprocess.run(command, check=True)
assert "stale" not in os.listdir(out) and digest() == whole
