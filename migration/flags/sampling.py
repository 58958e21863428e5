"""Which runs are shadowed, if only a part of them is."""

from typing import Final
from zlib import crc32

POINTS: Final = 100_000


def threshold(percent: float) -> int:
    """Return the number of points out of 100,000 that belong to the sample."""
    return round(min(100.0, max(0.0, percent)) * POINTS / 100)


def point(run_id: str) -> int:
    """Return the run's point, 0 to 99,999. It is the same in every process, so a sample can be recomputed later.

    A run is sampled if its point is below the threshold, so a higher percentage only adds runs. CRC-32 spreads random ids evenly, which
    is sufficient here.
    """
    return crc32(run_id.encode(errors="surrogatepass")) % POINTS
