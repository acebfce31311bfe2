# Text that fells parsers, or is not text: one sentence, status 1, quickly.
# RUN: %python %s %t.mlir
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import subprocess
import sys
import time

path = sys.argv[1]


def check(text, expected):
    with open(path, "wb") as file:
        file.write(text)
    begin = time.time()
    run = subprocess.run(["transformer-compile", "--emit=transformer", path],
                         capture_output=True, timeout=60)
    message = run.stderr.decode()
    assert run.returncode == 1, (run.returncode, expected, message[:400])
    assert expected in message, (expected, message[:400])
    assert not run.stdout, expected
    assert "Stack dump" not in message and time.time() - begin < 10, expected


for bracket in b"<([{":
    check(bytes([bracket]) * 40000, "brackets are nested 40000 deep (supported: 256)")
check(b"module {" * 300, "brackets are nested 300 deep")
check(b"x : " + b"tensor<1x" * 5000, "brackets are nested 5000 deep")
check(b'"' + b"(" * 4000, "expected")
check(b"// " + b"(" * 4000 + b"\nfunc", "custom op")
check(b"ML\xefR" + b"\0" * 100, "is MLIR bytecode")
check(b"\xff\xfe\x00\x01" * 100, "unexpected character")
check(b"func.func @f(%a: !transformer.", "dialect")
check(b"func.func @f() { %x = arith.constant dense<0x", "expected")
check(b"module attributes {a = " + b"9" * 4000 + b" : i64} {}", "integer")
check(b"func.func @f(%a: tensor<99999999999999999999xf32>)", "dimension")
