"""How sure a share is: what a kernel's statistics and a comparison of runs both say beside a count."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson_interval(k: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for ``k`` successes of ``n``; (0, 1) for no trials (Wilson 1927)."""
    if not 0 <= k <= n:
        raise ValueError(f"k must be between 0 and n, not {k} of {n}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, scale = k / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the interval touches 0 and 1 exactly; rounding must not say otherwise.
    return (0.0 if k == 0 else max(0.0, centre - half)), (1.0 if k == n else min(1.0, centre + half))


def difference_interval(k: int, n: int, other_k: int, other_n: int) -> tuple[float, float]:
    """95 % interval for the difference of two independent shares (Newcombe 1998, method 10), from Wilson's of each."""
    (low, high), (other_low, other_high) = wilson_interval(k, n), wilson_interval(other_k, other_n)
    share, other = (k / n if n else 0.0), (other_k / other_n if other_n else 0.0)
    below = math.hypot(share - low, other_high - other)
    above = math.hypot(high - share, other - other_low)
    return share - other - below, share - other + above
