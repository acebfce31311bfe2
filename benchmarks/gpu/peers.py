"""PyTorch on the same GPU. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import numpy as np

CONFIG = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}


def missing():
    """What this machine lacks, as a sentence; None if nothing."""
    try:
        import torch
    except ImportError:
        return "PyTorch is not installed, which everything here is compared with: pip install torch"
    if not torch.cuda.is_available():
        return "PyTorch finds no NVIDIA GPU on this machine, or was built without CUDA; nothing can be measured"
    return None


def machine():
    import torch
    return {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda}


def dtype_of(name):
    import torch
    return {"f16": torch.float16, "bf16": torch.bfloat16}[name]


def captured(run):
    """`run` as a CUDA graph, and a wait: what our runtime does for a shape that comes again."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    with torch.inference_mode(), sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # makes what a capture may not: plans, workspaces
            for _ in range(3):
                run()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            kept = run()

    def call():
        graph.replay()
        torch.cuda.synchronize()

    call.kept = graph, kept, run  # what the graph reads and writes, as long as somebody calls
    return call


def chain(op, count, dtype):
    import chains
    return captured(chains.torch_chain(op, count, "cuda", dtype_of(dtype)))


def without_mask(model):
    """`model`, whose attention gets no mask: transformers would make one of ones, which keeps the flash kernel away."""
    import torch.nn.functional as F
    from transformers import AttentionInterface

    def attention(module, query, key, value, mask, scaling=None, **rest):
        return F.scaled_dot_product_attention(query, key, value, scale=scaling).transpose(1, 2).contiguous(), None

    AttentionInterface.register("without_mask", attention)
    model.set_attn_implementation("without_mask")
    return model


def bert(folder, loads, dtype):
    """Load to (our call, their call), of BERT-base with random weights. Says so if a package is missing."""
    import torch
    try:
        from transformers import BertConfig, BertModel
    except ImportError:
        print("left out: BERT-base, because the package transformers is not installed")
        return {}
    import ours
    import transformer_mlir as tm
    checkpoint, out = folder / "bert", folder / "bert.made"
    torch.manual_seed(0)
    model = BertModel(BertConfig(**CONFIG), add_pooling_layer=False).eval()
    model.save_pretrained(checkpoint)
    ours.compile_checkpoint(checkpoint, out, dtype)
    loaded = tm.load(str(out), device="cuda")
    # Its best: code of its own for each shape.
    theirs = torch.compile(without_mask(model).to("cuda", dtype_of(dtype)), mode="max-autotune", dynamic=False)
    calls = {}
    for sequences, tokens in loads:
        ids = np.random.default_rng(0).integers(1000, 30000, (sequences, tokens)).astype(np.int32)
        calls[sequences, tokens] = ours.bert_call(loaded, ids), their_call(theirs, torch.from_numpy(ids).cuda().long())
    return calls


def their_call(model, ids):
    import torch

    def call():
        with torch.inference_mode():
            model(input_ids=ids)
        torch.cuda.synchronize()

    return call
