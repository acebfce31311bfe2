"""OpenVINO; int8 is calibrated by NNCF. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import openvino
from workloads import pad, sentences, token_ids


def prepare(folder, checkpoint, shapes, int8=False, static=False):
    from .pytorch import export
    path = folder / ("openvino-int8.xml" if int8 else "openvino.xml")
    if path.exists():
        return
    net = openvino.convert_model(str(export(folder / "dynamic.onnx", checkpoint)))
    if int8:
        import nncf
        rows = token_ids(checkpoint, sentences(None, 300, seed=1))
        data = nncf.Dataset([pad([row]) for row in rows], lambda p: {"input_ids": p[0], "attention_mask": p[1]})
        net = nncf.quantize(net, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=300)
    openvino.save_model(net, path, compress_to_fp16=False)


def load(folder, threads, int8=False, static=False):
    core = openvino.Core()
    net = core.read_model(folder / ("openvino-int8.xml" if int8 else "openvino.xml"))
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32"}
    requests = {}

    def request(shape):
        key = shape if static else None
        if key not in requests:
            model = net
            if static:
                model = net.clone()
                model.reshape({"input_ids": list(shape), "attention_mask": list(shape)})
            requests[key] = core.compile_model(model, "CPU", settings).create_infer_request()
        return requests[key]

    def inputs(batch):
        ids, mask = pad(batch)
        return {"input_ids": ids, "attention_mask": mask}

    return inputs, lambda given: request(given["input_ids"].shape).infer(given, share_inputs=True)[0]
