// RUN: transformer-opt %s --transformer-emit-observe --verify-diagnostics

func.func @forward(%x: tensor<2x?x4xf32>) {
  // expected-error @+1 {{'transformer.observe' op of 'tensor<2x?x4xf32>' cannot be handed over: only tensor<?xNxf32> in @forward can}}
  transformer.observe %x site "dense" : tensor<2x?x4xf32>
  return
}
