# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest
"""report.html: well-formed, whole, escaped, without references to anything outside."""
import copy
import html.parser
import re

import pytest

from transformer_mlir._remarks import by_module, errors_of, passes_of
from transformer_mlir._report import render

VOID = {"meta", "br", "link", "img", "input", "hr"}
EVIL = '<script>alert("&")</script>'
NAMES = ["embeddings.word_embeddings", *(f"encoder.layer.{i}.{m}" for i in range(3) for m in ("attention.self.query", "output.dense")),
         "pooler.dense", EVIL]
MODULE = {"ops": 1, "parameters": 10, "bytes": 40, "macs": 1280}
FULL = {
    "format": 1, "version": "1.2.3", "llvm": "22", "abi_version": 3, "build_id": "beef", "input": f"/x/{EVIL}/model",
    "command": f"-o {EVIL}", "preset": "int8", "profile": {"source": "synthetic", "tokens": 1234}, "seed": 7, "compiled_on": "znver3",
    "target": {"name": "x86-64-v3,neon", "triple": "x86_64", "levels": [
        {"name": "x86-64-v3", "required_features": "avx2", "tuned_for": "znver3", "cpu": {"kernels": [
            {"op": "linear", "path": "pooler.dense", "tile": "6x16", "calls": 3, "operations": 100, "bytes": 100, "predicted_us": 1.5}]}}]},
    "bytes": {"checkpoint": 4000, "weights": 1000, "library": 10}, "milliseconds": {"import": 10.0, "passes": 1500.0},
    "remarks": ["[Passed] encoder.layer.0.attention.self.query: transformer-quantize-i8: i8: the linear is i8, with 7.5e-05 of its "
                "weight's energy lost: its input is smoothed by 0.6 to 1.3, bias corrected",
                "[Passed] encoder.layer.1.attention.self.query: transformer-quantize-i8: i8: with 1.5e-04 of its weight's energy lost",
                "[Passed] embeddings.word_embeddings: transformer-quantize-i8: i8: the table is i8, with 0.0003 of its energy lost",
                "[Passed] encoder.layer.1.output.dense: transformer-narrow-ffn: narrowed: 8 neurons to 4, with 2.50e-02 of the output's "
                "variance lost, by the profile",
                "[Passed] encoder.layer.2.attention: transformer-narrow-heads: narrowed: 4 heads to 2, with 1.00e-02 of the variance "
                "of scores and 3.00e-03 of that of the output lost, by the profile",
                f"[Missed] pooler.dense: transformer-emit-kernels: widened: no {EVIL}", f"a line of another form {EVIL}"],
    "modules": {"length": 128, "before": {n: {**MODULE, "bytes": 160, "macs": 2560} for n in NAMES}, "after": {n: MODULE for n in NAMES}},
    "machine": {"cpu": "A CPU", "usable_cpus": 2, "memory_bytes": 1 << 33, "system": "Linux 6", "python": "3.11", "numpy": "2"},
    "quality": {"kind": "sentence", "output": "sentence_embedding", "against": EVIL, "seed": 3, "cosine_mean": 0.998, "spearman": 0.9971,
                "top10_overlap": 0.94, "mrr": 0.2, "mrr_against": 0.21, "mrr_ratio": 0.952, "answer_recall_at_1": 0.1,
                "answer_recall_at_1_against": 0.0, "answer_recall_at_1_ratio": None, "answer_recall_at_10": 0.3,
                "answer_recall_at_10_against": 0.3, "answer_recall_at_10_ratio": 1.0, "pair_queries": 99, "pair_answers": 88,
                "intervals": {"spearman": [0.996, 0.998]}, "text": {"files": [EVIL], "distinct": 4321}},
    "latency": [{"workload": "1x8", "threads": 1, "systems": {
        n: {"median_ms": t, "p95_ms": t * 1.1, "tokens_per_second": 8 / t, "ratio": t} for n, t in (("transformer-mlir", 1.0), (EVIL, 2.5))}}],
    "curves": [{"title": "Spectra", "x": "number", "y": "size", "log_y": True, "series": [
        {"name": f"curve {EVIL}", "points": [[1, 10.0], [2, 1.0], [3, 0.0]]}, {"name": "other", "points": [[1, 4.0]]}]}],
    "heatmaps": [{"title": "Head importance", "rows": ["layer 0", EVIL], "columns": [0, 1], "values": [[0.1, 0.2], [0.3, None]]}],
    "front": [{"name": f"plan {i}", "bytes": 10 ** 6 * i, "ms": 1.0 / i, "macs": 10 ** 9 // i, "loss": 0.01 * i, "chosen": i == 2}
              for i in (1, 2, 3)]}


class Reader(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.open, self.text, self.tags, self.headings = [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)
        self.text.append(data)


def test_whole_page():
    page = render(FULL)
    reader = Reader(page)
    assert reader.headings == ["Quality", "Latency", "Size, speed and quality", "Error by layer", "Curves of the compression",
                               "What each pass did", "Modules", "Kernels", "How it was made"]
    text = " ".join(reader.text)
    for word in [*NAMES, "4.00×", "0.9971", "0.996 to 0.998", "undefined", "4,321 distinct texts", "1,234 tokens", "7.5e-05", "A CPU",
                 "NumPy 2", "LLVM 22", "compression 7, quality 3", "avx2", "1.50 s", "plan 2", "Spectra", "Head importance", "2.50×",
                 "bytes after", "MACs before", "widened"]:
        assert word in text, word


def test_nothing_from_outside():
    page = render(FULL)
    assert "<script" not in page and "http" not in page and "@import" not in page and "url(" not in page
    for tag, attributes in Reader(page).tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "base"), tag
        assert not {"src", "href", "srcset", "xlink:href"} & set(attributes), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert page.count("&lt;script&gt;") >= 10


def test_sections_need_their_data():
    assert Reader(render({})).headings == ["How it was made"]
    for key, heading in (("quality", "Quality"), ("latency", "Latency"), ("front", "Size, speed and quality"), ("modules", "Modules")):
        report = copy.deepcopy(FULL)
        del report[key]
        assert heading not in Reader(render(report)).headings, key
    for key in ("bytes", "machine", "milliseconds", "profile", "target", "remarks", "seed"):
        report = copy.deepcopy(FULL)
        del report[key]
        Reader(render(report))
    report = copy.deepcopy(FULL)
    del report["modules"]["before"]
    text = " ".join(Reader(render(report)).text)
    assert "MACs before" not in text and all(name in text for name in NAMES)


@pytest.mark.parametrize("quality, shown", [
    ({"agreement": 0.975, "kl_mean": 0.01, "kl_p99": 0.2, "logit_difference": 1.0, "rows": 300}, "97.50% agree"),
    ({"spearman": 0.9, "pearson": 0.91, "logit_difference": 0.2, "rows": 30}, "0.9000")])
def test_other_models(quality, shown):
    report = {**FULL, "quality": {**quality, "against": "x", "seed": 0, "images": 30}}
    assert shown in " ".join(Reader(render(report)).text)


def test_charts_stay_inside():
    """No mark of a chart lies outside of its picture."""
    for box, body in re.findall(r'<svg viewBox="0 0 (\d+ \d+)".*?>(.*?)</svg>', render(FULL), re.S):
        width, height = map(int, box.split())
        for x in re.findall(r' c?x[12]?="([-\d.]+)"', body):
            assert 0 <= float(x) <= width
        for y in re.findall(r' c?y[12]?="([-\d.]+)"', body):
            assert 0 <= float(y) <= height
        assert "nan" not in body and "inf" not in body


def test_series_in_remarks():
    layer = "[Analysis] encoder.layer.{}.{}: transformer-x: {}: {}"
    report = {"remarks": [
        *(layer.format(i, "output.dense", "error-curve", f"neurons 64:0 32:0.0{i + 1} 8:0.3") for i in range(2)),
        layer.format(0, "attention.self.query", "spectrum", "7.5 3e-1 0.25"),
        *(layer.format(i, "attention.self", "importance", "heads 0.5 0.25 1") for i in range(2)),
        layer.format(0, "output.dense", "spectrum", "not numbers"), layer.format(0, "output.dense", "kept", "words")]}
    reader = Reader(render(report))
    text = " ".join(reader.text)
    for word in ("transformer-x: error, output.dense", "transformer-x: spectrum, attention.self.query", "importance of heads, attention.self",
                 "layer 1", "neurons", "not numbers", "2 analysis"):
        assert word in text, word
    assert "64:0" not in text and "7.5 3e-1" not in text
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("polyline") == 3 and sum(tag == "rect" and "fill-opacity" in a for tag, a in reader.tags) == 6


def test_remarks():
    groups, other = passes_of(FULL)
    assert {name: len(rows) for name, rows in groups.items()} == {
        "transformer-quantize-i8": 3, "transformer-narrow-ffn": 1, "transformer-narrow-heads": 1, "transformer-emit-kernels": 1}
    first = groups["transformer-quantize-i8"][0]
    assert (first.kind, first.path, first.what) == ("Passed", "encoder.layer.0.attention.self.query", "i8")
    assert first.text.startswith("the linear is i8") and other == [FULL["remarks"][-1]]
    assert errors_of(FULL) == {
        ("transformer-quantize-i8", "weight"): {"encoder.layer.0.attention.self.query": 7.5e-05,
                                                "encoder.layer.1.attention.self.query": 1.5e-04, "embeddings.word_embeddings": 0.0003},
        ("transformer-narrow-ffn", "output"): {"encoder.layer.1.output.dense": 0.025},
        ("transformer-narrow-heads", "output"): {"encoder.layer.2.attention": 0.003}}
    i8 = {"remarks": ["[Passed] x: transformer-quantize-i8: i8: the linear is i8, with 1.2e-04 of its output's energy lost: how",
                      "[Passed] t: transformer-compress-embedding: pca: integers, 3.21 bits each, with 1.0e-03 of its variance lost"]}
    assert errors_of(i8) == {("transformer-quantize-i8", "output"): {"x": 1.2e-04}, ("transformer-compress-embedding", "weight"): {"t": 0.001}}


def test_remarks_on_text_name_modules(tmp_path):
    path = tmp_path / "model.mlir"
    path.write_text("%w = ml_program.global_load_const @layer.0.self.query.weight : tensor<4x4xf32>\n"
                    "%1 = transformer.linear %x, %w : tensor<?x4xf32>\n%2 = transformer.attention %1, %1, %1 : tensor<?x4xf32>\n")
    lines = [f"[Passed] {path}:{n}:1: transformer-quantize-i8: i8: done" for n in (2, 3, 9)]
    assert by_module(lines, str(path)) == [line.replace(f"{path}:{n}:1", name) for line, n, name in zip(
        lines, (2, 3, 9), ("layer.0.self.query", "layer.0.self", f"{path}:9:1"))]


def test_tuning_is_told():
    tune = {"source": "a.txt", "held_out": 9, "steps": 848, "tokens": 1624573, "seconds": 601.5, "seed": 41, "accepted": True,
            "compared_by": "sentence_embedding", "difference_before": 0.139, "difference_tuned": 0.0581, "difference_compiled": 0.0634}
    page = render(FULL | {"tune": tune})
    assert "cosine 0.8610 before, 0.9366 after" in page and "tuning 41" in page
