// Attention of dense batches with masks: of keys, by query and key, by head,
// added, causal too, of narrow heads and wide ones; and a mean of what a mask
// shows. As other compilers have them, with types that say the sizes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @forward(%x: tensor<4x128x128xf16>, %wide: tensor<4x128x256xf16>, %keys: tensor<4x128xi64>,
                   %pairs: tensor<1x1x128x128xi1>, %added: tensor<4x2x128x128xf16>, %bias: tensor<4x128xf16>)
    -> (tensor<4x128x128xf16>, tensor<4x128x256xf16>, tensor<4x128x128xf16>, tensor<4x128x128xf16>, tensor<4x128x256xf16>,
        tensor<4x128x128xf16>, tensor<4x128xf16>) {
  %zero = arith.constant dense<0> : tensor<4x128xi64>
  %seen = arith.cmpi ne, %keys, %zero : tensor<4x128xi64>
  %0 = transformer.attention %x, %x, %x mask(%seen) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<4x128x128xf16>, tensor<4x128x128xf16>, tensor<4x128x128xf16>, tensor<4x128xi1>) -> tensor<4x128x128xf16>
  %1 = transformer.attention %wide, %wide, %wide mask(%seen) {num_heads = 2 : i64, num_kv_heads = 2 : i64, causal}
      : (tensor<4x128x256xf16>, tensor<4x128x256xf16>, tensor<4x128x256xf16>, tensor<4x128xi1>) -> tensor<4x128x256xf16>
  %2 = transformer.attention %x, %x, %x mask(%pairs) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<4x128x128xf16>, tensor<4x128x128xf16>, tensor<4x128x128xf16>, tensor<1x1x128x128xi1>) -> tensor<4x128x128xf16>
  %3 = transformer.attention %x, %x, %x mask(%added) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<4x128x128xf16>, tensor<4x128x128xf16>, tensor<4x128x128xf16>, tensor<4x2x128x128xf16>) -> tensor<4x128x128xf16>
  %4 = transformer.attention %wide, %wide, %wide mask(%added) {num_heads = 2 : i64, num_kv_heads = 2 : i64, causal}
      : (tensor<4x128x256xf16>, tensor<4x128x256xf16>, tensor<4x128x256xf16>, tensor<4x2x128x128xf16>) -> tensor<4x128x256xf16>
  %5 = transformer.attention %x, %x, %x mask(%bias) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<4x128x128xf16>, tensor<4x128x128xf16>, tensor<4x128x128xf16>, tensor<4x128xf16>) -> tensor<4x128x128xf16>
  %6 = transformer.pool mean %5 mask(%seen) : (tensor<4x128x128xf16>, tensor<4x128xi1>) -> tensor<4x128xf16>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<4x128x128xf16>, tensor<4x128x256xf16>, tensor<4x128x128xf16>, tensor<4x128x128xf16>,
      tensor<4x128x256xf16>, tensor<4x128x128xf16>, tensor<4x128xf16>
}
