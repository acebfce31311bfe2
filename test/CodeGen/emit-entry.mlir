// RUN: transformer-opt %s --transformer-emit-entry | FileCheck %s
// RUN: echo 'module {}' | not transformer-opt --transformer-emit-entry 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: error: has no function @forward in the LLVM dialect

// CHECK: transformer.workspace = {fixed = 0 : i64, per_sequence = 0 : i64, per_thread = 64 : i64, per_token = 0 : i64}
module attributes {
  transformer.thread_workspace = 64 : i64,
  transformer.workspace = {fixed = 0 : i64, per_token = 0 : i64, per_sequence = 0 : i64},
  transformer.outputs = [{name = "y", rows = "tokens", width = 8 : i64}]
} {
  // CHECK: llvm.func internal @loop_body
  llvm.func @loop_body(%v: f32, %i: i64, %p: !llvm.ptr, %q: !llvm.ptr, %o: i64, %n: i64, %s: i64) {
    llvm.return
  }
  // The captures travel in a record on the stack.
  // CHECK: llvm.func internal @loop_body_unpack(%[[R:[^:]*]]: !llvm.ptr, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
  // CHECK: llvm.load %[[R]] : !llvm.ptr -> !llvm.struct<(f32)>
  // CHECK: llvm.call @loop_body
  // CHECK: llvm.func internal @loop_parallel(%[[C:[^:]*]]: !llvm.ptr, %{{.*}}: f32, %{{.*}}: i64)
  // CHECK: llvm.alloca
  // CHECK: llvm.getelementptr %[[C]][240]
  // CHECK: llvm.mlir.addressof @loop_body_unpack
  llvm.func @loop_parallel(!llvm.ptr, f32, i64) attributes {transformer.body = @loop_body}
  // CHECK: llvm.func internal @forward
  llvm.func @forward(%call: !llvm.ptr, %mask: i64) attributes {transformer.arguments = [{role = "wanted", index = 0 : i64, type = i64}]} {
    llvm.return
  }
  // CHECK: llvm.func hidden @tm_forward(%[[C:[^:]*]]: !llvm.ptr)
  // CHECK: llvm.getelementptr %[[C]][232]
  // CHECK: llvm.call @forward(%[[C]],
}
