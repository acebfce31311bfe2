# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: numpy, pytest
"""The metrics of quality against the plain definitions, and cases computed by hand."""
import numpy as np
import pytest

from transformer_mlir import _gates, _logits, _metrics, _retrieval


def embeddings(rows, width=8, noise=0.3, seed=0):
    generator = np.random.default_rng(seed)
    reference = generator.standard_normal((rows, width)).astype(np.float32)
    return reference, (reference + noise * generator.standard_normal((rows, width))).astype(np.float32)


def test_ranks_and_correlations():
    assert _metrics.ranks(np.array([3.0, 1.0, 3.0, 2.0, 3.0])).tolist() == [3, 0, 3, 1, 3]
    a, b = np.random.default_rng(1).standard_normal((2, 500))
    assert _metrics.correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-12)
    assert _metrics.spearman(a, np.exp(a)) == pytest.approx(1)
    assert _metrics.spearman(a, -a ** 3) == pytest.approx(-1)
    # Of ranks 1..n without ties: 1 - 6 sum d^2 / (n (n^2 - 1)).
    d = a.argsort().argsort() - b.argsort().argsort()
    assert _metrics.spearman(a, b) == pytest.approx(1 - 6 * (d ** 2).sum() / (500 * (500 ** 2 - 1)), abs=1e-12)
    assert _metrics.correlation(np.ones(5), np.arange(5)) == 0
    weights = np.array([2.0, 1, 0, 1, 3])
    x, y = np.array([1.0, 4, 2, 5, 3]), np.array([2.0, 1, 9, 4, 3])
    expected = np.corrcoef(np.repeat(x, weights.astype(int)), np.repeat(y, weights.astype(int)))[0, 1]
    assert _metrics.correlations(weights[None], x, y)[0] == pytest.approx(expected)


@pytest.mark.parametrize("rows", [20, 150, 700])
def test_embedding_quality(rows, monkeypatch):
    monkeypatch.setattr(_metrics, "BLOCK", 4096)  # many blocks
    reference, other = embeddings(rows)
    found = _metrics.embedding_quality(reference, other)
    a, b = (e / np.linalg.norm(e, axis=1, keepdims=True) for e in (reference.astype(np.float64), other))
    cosine = (a * b).sum(1)
    assert found["cosine_mean"] == pytest.approx(cosine.mean(), abs=1e-6)
    assert found["cosine_p1"] == pytest.approx(np.percentile(cosine, 1), abs=1e-6)
    assert found["cosine_min"] == pytest.approx(cosine.min(), abs=1e-6)
    near = []
    for e in (a, b):
        scores = e @ e.T
        np.fill_diagonal(scores, -2)
        near.append(np.argsort(-scores, axis=1)[:, :10])
    overlap = np.mean([len(set(x) & set(y)) / 10 for x, y in zip(*near)])
    assert found["top10_overlap"] == pytest.approx(overlap, abs=2e-3)
    assert found["recall_at_1"] == pytest.approx(np.mean(near[0][:, 0] == near[1][:, 0]), abs=2e-3)
    assert found["recall_at_10"] == pytest.approx(np.mean([x[0] in y for x, y in zip(*near)]), abs=2e-3)
    for name in ("cosine_mean", "spearman", "top10_overlap", "recall_at_1"):
        low, high = found["intervals"][name]
        assert low <= found[name] <= high and high - low < 0.5, name
    assert 0.8 < found["spearman"] < 0.999 and 0.8 < found["pearson"] < 0.999
    assert _metrics.embedding_quality(reference, other) == found  # of the same seed
    same = _metrics.embedding_quality(reference, reference)
    assert {same[n] for n in ("recall_at_1", "recall_at_10", "top10_overlap")} == {1.0}
    assert same["spearman"] == pytest.approx(1) and same["cosine_min"] == pytest.approx(1)


def test_pairs_are_spread_over_the_scores():
    generator = np.random.default_rng(0)
    reference = _metrics.unit(generator.standard_normal((1500, 64)).astype(np.float32))
    reference[750:] = _metrics.unit(reference[:750] + 0.05 * generator.standard_normal((750, 64)).astype(np.float32))
    queries = np.arange(1500)
    neighbours = _metrics.nearest(reference, reference, 10, own=queries)
    pairs = _metrics.stratified_pairs(reference, neighbours, queries, 0)
    assert len(pairs) == 20000 and len(np.unique(pairs, axis=0)) == 20000 and (pairs[:, 0] < pairs[:, 1]).all()
    scores = (reference[pairs[:, 0]] * reference[pairs[:, 1]]).sum(1)
    assert (scores > 0.8).sum() >= 700  # the near ones, of which 20,000 random pairs have 13
    counts = np.histogram(scores, _metrics.STRATA)[0]
    assert np.sort(counts)[-3:].std() <= 2  # the full strata gave the same number
    again = _metrics.stratified_pairs(reference, neighbours, queries, 0)
    np.testing.assert_array_equal(pairs, again)
    assert (pairs != _metrics.stratified_pairs(reference, neighbours, queries, 1)).any()


def test_answers_by_hand():
    pairs = _retrieval.Pairs([("q0", "a0"), ("q1", "a1"), ("q1", "a3"), ("q2", "a2"), ("q0", "a0")])
    assert pairs.queries == ["q0", "q1", "q2"] and pairs.answers == ["a0", "a1", "a3", "a2"]
    assert [r.tolist() for r in pairs.right] == [[0], [1, 2], [3]]
    answers = np.array([[1, 0], [0, 1], [1, 1], [-1, 0]], np.float32)  # a0, a1, a3, a2
    queries = np.array([[1, 0], [1, 1], [0, 1]], np.float32)
    # q0: a0 is first. q1: a3, one of its two, is first. q2 has a1, a3 above, and a0 level with a2: 1 + 2 + 1/2.
    ranks = _retrieval.answer_ranks(queries, answers, pairs.right)
    assert ranks.tolist() == [1, 1, 3.5]
    # All alike: three wrong answers level with the right one.
    assert _retrieval.answer_ranks(queries, np.ones((4, 2), np.float32), pairs.right).tolist() == [2.5, 2, 2.5]
    found = _retrieval.pair_quality(np.array([1.0, 2, 4, 20]), np.array([1.0, 1, 2, 40]))
    assert found["mrr_against"] == pytest.approx((1 + 1 / 2 + 1 / 4 + 1 / 20) / 4)
    assert found["mrr"] == pytest.approx((1 + 1 + 1 / 2 + 1 / 40) / 4)
    assert found["mrr_ratio"] == pytest.approx(2.525 / 1.8)
    assert (found["answer_recall_at_1"], found["answer_recall_at_1_against"]) == (0.5, 0.25)
    assert (found["answer_recall_at_10"], found["answer_recall_at_10_ratio"]) == (0.75, 1.0)
    low, high = found["intervals"]["mrr_ratio"]
    assert low < 2.525 / 1.8 < high
    assert _retrieval.pair_quality(np.array([9.0]), np.array([1.0]))["answer_recall_at_1_ratio"] is None


def agreement(kind, reference, other, offsets=(0,)):
    found = _logits.Agreement(kind)
    found.add(np.array(reference, np.float32), np.array(other, np.float32), np.array(offsets))
    return found.result(0)


def test_classes_by_hand():
    # p = (3/4, 1/4) against q = (1/2, 1/2); then equal rows, though shifted; then another class.
    three, e = np.log(3), np.exp(1)
    found = agreement("classes", [[three, 0], [5, 1], [0, 1]], [[0, 0], [7, 3], [1, 0]])
    first = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    last = (e - 1) / (1 + e)  # of (1/(1+e), e/(1+e)) against its mirror image
    assert found["kl_mean"] == pytest.approx((first + 0 + last) / 3, rel=1e-6)
    assert found["agreement"] == pytest.approx(2 / 3) and found["logit_difference"] == 2 and found["rows"] == 3


def test_labels_spans_and_values_by_hand():
    found = agreement("labels", [[np.log(3), -1]], [[0, -1]])
    assert found["kl_mean"] == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5), rel=1e-6)
    assert found["agreement"] == 0.5  # 0 counts as off
    # Two sequences, of two and three tokens: the start and the end of each is a row over its tokens.
    reference = [[2, 0], [0, 2], [9, 0], [0, 0], [0, 9]]
    found = agreement("spans", reference, [[0, 0], [2, 2], [9, 0], [0, 0], [0, 9]], (0, 2, 5))
    assert found["rows"] == 4 and found["agreement"] == 0.75
    found = agreement("value", [[1.0], [2.0], [4.0]], [[1.0], [3.0], [9.0]])
    assert found["spearman"] == pytest.approx(1) and "agreement" not in found and found["logit_difference"] == 5
    assert _logits.kind_of({"architectures": ["BertForQuestionAnswering"]}, 2) == "spans"
    assert _logits.kind_of({"problem_type": "multi_label_classification"}, 3) == "labels"
    assert _logits.kind_of({}, 1) == "value" and _logits.kind_of({}, 3) == "classes"


def test_extreme_logits():
    found = agreement("classes", [[1e4, -1e4]], [[-1e4, 1e4]])
    assert found["kl_mean"] == pytest.approx(2e4) and found["agreement"] == 0
    found = agreement("labels", [[1e4, -1e4]], [[-1e4, 1e4]])
    assert found["kl_mean"] == pytest.approx(2e4)


@pytest.mark.parametrize("text, measured, fails", [
    ("spearman<0.99", 0.989, True), ("spearman<0.99", 0.99, False), ("spearman <= .99", 0.99, True),
    ("kl_mean>1e-3", 0.002, True), ("kl_mean>=2", 2, True), ("kl_mean >= 2", 1, False), ("smaller<8", 9, False),
    ("spearman<0.99", float("nan"), True), ("mrr_ratio<0.5", None, True)])
def test_gates(text, measured, fails):
    gates = _gates.parse([text])
    values = {gates[0].name: measured}
    if fails:
        with pytest.raises(_gates.GateFailure, match=gates[0].name):
            _gates.check(gates, values)
    else:
        _gates.check(gates, values)


@pytest.mark.parametrize("text", ["", "spearman", "spearman<", "spearman=1", "spearman<x", "<1", "a b<1", "spearman<1<2",
                                  "speerman<1", "spearman<nan", "text<1"])
def test_bad_gates(text):
    with pytest.raises(ValueError, match="spearman, pearson.*smaller") as problem:
        _gates.parse([text])
    assert repr(text) in str(problem.value)
