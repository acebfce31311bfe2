// Files of every released version of the dialect are read as they were meant.
// RUN: transformer-opt %S/golden/0.1.mlirbc -o %t.read
// RUN: transformer-opt %S/golden/0.1.mlir -o %t.text
// RUN: diff %t.text %t.read
// RUN: transformer-opt %S/golden/0.2.mlirbc -o %t.read
// RUN: transformer-opt %S/golden/0.2.mlir -o %t.text2
// RUN: diff %t.text2 %t.read

// What is written now is read now, and says its version.
// RUN: transformer-opt %S/golden/0.1.mlir --emit-bytecode -o %t.mlirbc
// RUN: transformer-opt %t.mlirbc | diff %t.text -
