# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a score tells two kinds apart, by the conventions of DeepfakeBench."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Doubles = npt.NDArray[np.float64]


def auc(negative: npt.ArrayLike, positive: npt.ArrayLike) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counted half."""
    a, b = np.sort(np.asarray(negative, np.float64)), np.asarray(positive, np.float64)
    below = np.searchsorted(a, b, "left") + np.searchsorted(a, b, "right")
    return float(below.mean() / (2 * len(a)))


def eer(negative: npt.ArrayLike, positive: npt.ArrayLike) -> float:
    """Equal error rate: the false positive rate where it comes nearest to the false negative
    rate."""
    a, b = np.asarray(negative, np.float64), np.asarray(positive, np.float64)
    limits = np.unique(np.concatenate([a, b, [np.inf]]))
    fpr = np.array([(a >= limit).mean() for limit in limits])
    fnr = np.array([(b < limit).mean() for limit in limits])
    return float(fpr[np.argmin(np.abs(fnr - fpr))])


def limit_for(negative: npt.ArrayLike, rate: float) -> float:
    """The score above which a share `rate` of negatives lies.

    There are never enough of them to count one in a million; but a score is the largest of N
    normal deviates (see provenance.detector), and their median tells N: then rate = N Q(score),
    with Q the normal distribution's upper tail.
    """
    values = np.asarray(negative, np.float64)
    trials = np.log(2) / norm.sf(np.median(values))
    return float(norm.isf(min(rate / trials, 0.5)))


def interval_by_group(
    groups: Sequence[str],
    values: npt.ArrayLike,
    measure: Callable[[Doubles], float],
    draws: int = 1000,
) -> tuple[float, float]:
    """The 95 % interval of `measure` over values [n], drawing whole groups (people) anew."""
    found = np.asarray(values, np.float64)
    names = sorted(set(groups))
    members = [np.flatnonzero(np.array(groups) == name) for name in names]
    rng = np.random.default_rng(0)
    results = []
    for _ in range(draws):
        some = np.concatenate([members[n] for n in rng.integers(0, len(names), len(names))])
        results.append(measure(found[some]))
    low, high = np.quantile(results, [0.025, 0.975])
    return float(low), float(high)
