"""Numbers that say how alike two models are, from their outputs; NumPy only.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import numpy as np

PAIRS, STRATA, RANDOM_POOL = 20000, 20, 200000
NEIGHBOURS = 10
QUERIES = 5000  # most sentences whose neighbours are looked for
BLOCK = 1 << 23  # scores held at once
RESAMPLES = 1000


def unit(rows):
    """Rows scaled to length 1; a row of zeros stays so."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(norms, np.finfo(np.float32).tiny)


def cosine_summary(values):
    return {"cosine_mean": float(values.mean()), "cosine_p1": float(np.percentile(values, 1)),
            "cosine_min": float(values.min())}


def row_cosines(reference, other):
    """In double precision, some rows at a time."""
    found = np.empty(len(reference))
    for begin in range(0, len(reference), 4096):
        a, b = (unit(np.asarray(rows[begin:begin + 4096], np.float64)) for rows in (reference, other))
        found[begin:begin + 4096] = np.einsum("ij,ij->i", a, b)
    return found


def cosines(reference, other):
    """Of embeddings of the same sequences, a row each."""
    return cosine_summary(row_cosines(reference, other))


def ranks(values):
    """0 for the least; equal values share their mean rank."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts + 1) / 2)[where.reshape(-1)]


def correlation(a, b):
    """Pearson's; 0 where one of the two does not vary."""
    return float(correlations(np.ones((1, len(a))), a, b)[0])


def correlations(weights, a, b):
    """Pearson's for each row of weights of the values."""
    a, b = (np.asarray(v, np.float64) - np.mean(v, dtype=np.float64) for v in (a, b))
    a, b = (v / max(np.abs(v).max(), np.finfo(np.float64).tiny) for v in (a, b))
    w, wa, wb, wab, waa, wbb = (weights @ np.stack([np.ones_like(a), a, b, a * b, a * a, b * b], axis=1)).T
    scale = np.sqrt(np.maximum(0, w * waa - wa * wa) * np.maximum(0, w * wbb - wb * wb))
    return np.divide(w * wab - wa * wb, scale, out=np.zeros_like(scale), where=scale > 0)


def spearman(a, b):
    return correlation(ranks(a), ranks(b))


def scores_of(rows, pairs):
    """Dot products of pairs of rows, a block at a time."""
    found, step = np.empty(len(pairs), np.float32), max(1, BLOCK // max(1, rows.shape[1]))
    for begin in range(0, len(pairs), step):
        left, right = pairs[begin:begin + step].T
        found[begin:begin + step] = np.einsum("ij,ij->i", rows[left], rows[right])
    return found


def nearest(queries, corpus, count, own=None):
    """Indices of the `count` best rows of `corpus` for each query, best first; `own` of each is left out."""
    found, step = np.empty((len(queries), count), np.int64), max(1, BLOCK // len(corpus))
    for begin in range(0, len(queries), step):
        scores = queries[begin:begin + step] @ corpus.T
        if own is not None:
            scores[np.arange(len(scores)), own[begin:begin + step]] = -np.inf
        best = np.sort(np.argpartition(scores, -count, axis=1)[:, -count:], axis=1)
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        found[begin:begin + step] = np.take_along_axis(best, order, axis=1)
    return found


def stratified_pairs(reference, neighbours, queries, seed, count=PAIRS):
    """Pairs of rows, as many of each stratum of the reference's score as there are.

    Random pairs alone are hardly alike, and a model that only knows this much would rank them well enough. So the
    pool is all pairs, if they are at most RANDOM_POOL, or else that many random ones and each query with its
    neighbours by the reference. The range of their scores is cut into STRATA equal intervals; `count` pairs are
    drawn, the same number from each, and from an interval that has fewer all, which the fuller ones make up for.
    """
    rows, generator = len(reference), np.random.default_rng(seed)
    if rows * (rows - 1) // 2 <= RANDOM_POOL:
        pool = np.stack(np.triu_indices(rows, 1), axis=1)
    else:
        pool = generator.integers(0, rows, (RANDOM_POOL, 2))
        near = np.stack([np.repeat(queries, neighbours.shape[1]), neighbours.reshape(-1)], axis=1)
        pool = np.sort(np.concatenate([pool, near]), axis=1)
        codes = np.unique(pool[:, 0] * rows + pool[:, 1])
        pool = np.stack([codes // rows, codes % rows], axis=1)
        pool = pool[pool[:, 0] != pool[:, 1]]
    scores = scores_of(reference, pool)
    edges = np.linspace(scores.min(), scores.max(), STRATA + 1)[1:-1]
    strata = np.searchsorted(edges, scores)
    members = sorted((np.flatnonzero(strata == s) for s in range(STRATA)), key=len)
    taken, left = [], count
    for index, member in enumerate(members):  # the smallest first, so that the others can make up for it
        share = min(len(member), left // (STRATA - index))
        taken.append(generator.choice(member, share, replace=False))
        left -= share
    return pool[np.sort(np.concatenate(taken))]


def resamples(rows, seed, count=RESAMPLES):
    """How often each row is in each of `count` bootstrap samples."""
    generator = np.random.default_rng([seed, 1])
    for _ in range(count):
        yield np.bincount(generator.integers(0, rows, rows), minlength=rows)


def interval(values):
    """The middle 95 % of what the samples gave."""
    low, high = np.percentile(values, [2.5, 97.5])
    return [float(low), float(high)]


def mean_intervals(columns, seed):
    """Name to the interval of the mean of its values, all of the same rows."""
    table = np.stack([np.asarray(values, np.float64) for values in columns.values()], axis=1)
    means = np.stack([counts @ table for counts in resamples(len(table), seed)]) / len(table)
    return {name: interval(means[:, i]) for i, name in enumerate(columns)}


def pair_interval(scores, pairs, rows, seed):
    """Of Spearman's correlation, when the rows (not the pairs, which share rows) are sampled anew.

    The ranks stay; a pair counts as often as its two rows together.
    """
    left, right = (ranks(s) for s in scores)
    found, block = [], []
    for index, counts in enumerate(resamples(rows, seed), 1):
        block.append(counts[pairs[:, 0]] * counts[pairs[:, 1]])
        if len(block) == 50 or index == RESAMPLES:
            found.append(correlations(np.array(block, np.float64), left, right))
            block = []
    return interval(np.concatenate(found))


def embedding_quality(reference, other, seed=0, intervals=True):
    """Agreement of two models' embeddings of the same distinct texts, a row each; docs/quality.md has the terms."""
    reference, other = unit(np.asarray(reference, np.float32)), unit(np.asarray(other, np.float32))
    rows = len(reference)
    cosine = row_cosines(reference, other)
    queries = np.sort(np.random.default_rng([seed, 2]).choice(rows, min(rows, QUERIES), replace=False))
    count = min(NEIGHBOURS, rows - 1)
    theirs, ours = (nearest(e[queries], e, count, own=queries) for e in (reference, other))
    overlap = (theirs[:, :, None] == ours[:, None, :]).any(2).mean(1)
    first, among = theirs[:, 0] == ours[:, 0], (theirs[:, :1] == ours).any(1)
    pairs = stratified_pairs(reference, theirs, queries, seed)
    scores = [scores_of(e, pairs) for e in (reference, other)]
    result = {**cosine_summary(cosine), "spearman": spearman(*scores), "pearson": correlation(*scores),
              "top10_overlap": float(overlap.mean()), "recall_at_1": float(first.mean()),
              "recall_at_10": float(among.mean()), "scored_pairs": len(pairs), "neighbour_queries": len(queries)}
    if intervals:
        result["intervals"] = {
            **mean_intervals({"cosine_mean": cosine}, seed), "spearman": pair_interval(scores, pairs, rows, seed),
            **mean_intervals({"top10_overlap": overlap, "recall_at_1": first, "recall_at_10": among}, seed)}
    return result
