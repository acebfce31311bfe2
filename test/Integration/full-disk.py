# A disk that fills up at any stage of a compilation: one sentence, nothing left.
# Needs the right to mount a small file system; without it there is nothing to see.
# RUN: rm -rf %t && mkdir %t && %python %s %t %S/Inputs/tiny.mlir
# REQUIRES: slow
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import os
import subprocess
import sys

root, model = sys.argv[1:]
MOUNT = 'mount -t tmpfs -o size="$1"k none "$2" && shift 2 && exec "$@"'


def on_disk_of(kilobytes, *command):
    """Runs the command in a mount namespace of its own, where `root` is that small."""
    return subprocess.run(["unshare", "-m", "sh", "-c", MOUNT, "sh", str(kilobytes), root, *command],
                          capture_output=True, text=True, timeout=300)


if on_disk_of(64, "true").returncode:
    print("not permitted to mount")
    sys.exit()
script = 'transformer-compile "$1" -o "$2/out"; code=$?; ls -A "$2"; exit $code'
failures = []
for size in range(8, 400, 24):
    run = on_disk_of(size, "sh", "-c", script, "sh", model, root)
    if run.returncode == 0:
        assert run.stdout == "out\n", (size, run)
        break
    failures.append(size)
    assert run.returncode == 1 and not run.stdout, (size, run)
    assert run.stderr.count("error: ") == 1 and "No space left on device" in run.stderr, (size, run)
assert len(failures) > 3, failures
