"""ONNX Runtime. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import onnxruntime
from workloads import pad


def prepare(folder, checkpoint, shapes, int8=False):
    from .pytorch import export
    plain = export(folder / "dynamic.onnx", checkpoint)
    if int8 and not (folder / "int8.onnx").exists():
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantize_dynamic(str(plain), str(folder / "int8.onnx"), per_channel=True, weight_type=QuantType.QInt8,
                         extra_options={"DefaultTensorType": 1})


def load(folder, threads, int8=False):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / ("int8.onnx" if int8 else "dynamic.onnx")), options,
                                           providers=["CPUExecutionProvider"])

    def inputs(batch):
        ids, mask = pad(batch)
        return {"input_ids": ids, "attention_mask": mask}

    return inputs, lambda given: session.run(None, given)[0]
