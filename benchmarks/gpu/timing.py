"""Times of calls that wait for the GPU, in turns. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
import random
import statistics
import time


def interleaved(calls, rounds, burst_seconds, clock=time.perf_counter):
    """Name to seconds of one call, one number per round: the median of a burst. In each round, all in random order."""
    counts = {}
    for name, call in calls.items():
        for _ in range(3):  # compiles, captures, grows its memory
            call()
        begin = clock()
        call()
        counts[name] = max(3, min(1000, int(burst_seconds / max(clock() - begin, 1e-9))))
    seconds = {name: [] for name in calls}
    for turn in range(rounds):
        order = list(calls)
        random.Random(turn).shuffle(order)
        for name in order:
            burst = []
            for _ in range(counts[name]):
                begin = clock()
                calls[name]()
                burst.append(clock() - begin)
            seconds[name].append(statistics.median(burst))
    return seconds


def of_one(long, short, more):
    """What one op takes, per round: `long` has `more` of them than `short`, and all else is the same."""
    return [(a - b) / more for a, b in zip(long, short)]


def ratio(theirs, ours):
    """How many times faster ours is: the median over rounds; None where the clock could not tell."""
    ratios = [a / b for a, b in zip(theirs, ours) if a > 0 and b > 0]
    return statistics.median(ratios) if len(ratios) * 2 > len(ours) else None
