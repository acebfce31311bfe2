# The language server starts, reads a document with our ops and answers.
# RUN: %python %s %S/Inputs/block.mlir
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import json
import subprocess
import sys

server = subprocess.Popen(["transformer-lsp-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def send(method, params, ident=None):
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    if ident is not None:
        message["id"] = ident
    body = json.dumps(message).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    server.stdin.flush()


def receive():
    length = 0
    while (line := server.stdout.readline().strip()):
        name, value = line.split(b":")
        if name == b"Content-Length":
            length = int(value)
    return json.loads(server.stdout.read(length))


def diagnostics(uri, text):
    send("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "mlir", "version": 1, "text": text}})
    answer = receive()
    assert answer["method"] == "textDocument/publishDiagnostics", answer
    return answer["params"]["diagnostics"]


send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 0)
answer = receive()
assert answer["id"] == 0 and answer["result"]["capabilities"]["definitionProvider"], answer
send("initialized", {})

good = open(sys.argv[1], encoding="utf-8").read()
assert diagnostics("file:///good.mlir", good) == []
bad = diagnostics("file:///bad.mlir", good.replace("num_kv_heads = 2", "num_kv_heads = 3"))
assert bad and "transformer.attention" in bad[0]["message"], bad

send("shutdown", None, 1)
assert receive()["id"] == 1
send("exit", None)
assert server.wait(timeout=60) == 0
