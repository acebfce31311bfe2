"""python -m transformer_mlir. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import sys

from ._cli import main

sys.exit(main())
