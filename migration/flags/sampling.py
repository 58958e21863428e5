"""Which runs are shadowed when not all of them are."""

from typing import Final
from zlib import crc32

POINTS: Final = 100_000


def threshold(percent: float) -> int:
    """Return the number of points out of 100,000 that belong to the sample."""
    return round(min(100.0, max(0.0, percent)) * POINTS / 100)


def point(run_id: str) -> int:
    """Return the run's point, 0 to 99,999: the same for the same run in every process, so a sample can be recomputed afterwards.

    A run is sampled when its point is below the threshold; raising the percentage only adds runs. CRC-32 spreads random ids evenly, which
    is sufficient here.
    """
    return crc32(run_id.encode(errors="surrogatepass")) % POINTS
