"""The governor: lowers the share of runs that are shadowed before users notice the cost of shadows, and raises it again later.

It checks the pressures twice a second (`pressure.py`). A pressure is a measured cost divided by its limit, so 1 means "at the limit".

- a pressure is over 1: halve the share of the surface whose gate needs further runs the least;
- all pressures are under 1/2 for some time: double the share of the surface whose gate needs further runs the most;
- otherwise: wait.

Shares are halved fast and doubled slowly, so that they do not go up and down all the time. The times depend on the cause (`_PACE`): if a
cost is measured over minutes, it takes minutes to see whether the last step was enough.

The share of a tenant with many more runs than the others is halved further, so that a gate that counts tenants still gets runs of all
tenants. If all shares are at their minimum and a pressure is still over its limit, runs that were drawn are shed with the reason
`pressure`.

The share is known before a run begins and is recorded with the run. It depends only on earlier runs, never on the run itself. This holds
for the needs of gates too, which depend on the results of earlier runs. So estimates stay unbiased (`flags/draw.py`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

from migration.flags import MOST_LEVEL, REST
from migration.shadow.pressure import Cause, Pressure

LOOK_S: Final = 0.5
"""Seconds between two checks."""
_CALM: Final = 0.5
#: For each cause: the number of checks between two halvings, and of calm checks before the share is doubled again.
_PACE: Final[Mapping[Cause, tuple[int, int]]] = {
    "loop": (1, 10),
    "queue": (2, 10),
    "age": (4, 10),
    "cpu": (4, 20),
    "reads": (120, 240),
    "tax": (120, 1200),
}
#: (times, halvings): if a tenant has more than `times` as many runs as the median tenant, its share is halved `halvings` more times.
_BUSY: Final = ((32.0, 3), (16.0, 2), (8.0, 1))
_TENANTS: Final = 2_000
#: The counts of tenants are halved after this many checks, so that old runs are forgotten.
_FORGET_LOOKS: Final = 120


class ShadowGovernor:
    """Decides how far each surface's share is lowered. `level` is called for each run; `look` twice a second, on the same loop.

    Args:
        surfaces: the surfaces of the migration.
        need: returns how much a surface's gate needs more runs, from 0 (not at all) to 1; None: all gates need them equally.
        resting: returns whether shadows rest now, so that their cost can be measured; None: they never do.
        changed: called after the share of a surface changed, with the cause; the cause is None if the share was raised.
    """

    def __init__(
        self,
        surfaces: Collection[str],
        *,
        need: Callable[[str], float] | None = None,
        resting: Callable[[], bool] | None = None,
        changed: Callable[[Cause | None], None] | None = None,
    ) -> None:
        self._need = need or (lambda _surface: 1.0)
        self._resting = resting or (lambda: False)
        self._changed = changed or (lambda _cause: None)
        self._levels = dict.fromkeys(surfaces, 0)
        self._runs: Counter[str] = Counter()
        self._more: dict[str, int] = {}  #: tenant -> further halvings; empty while no surface is lowered
        self._calm = self._looks = 0
        self._calm_needed = self._wait = 0  #: calm checks left before the share is raised; checks left before it may be lowered again
        self.pressure: Pressure | None = None  #: the highest pressure at the last check; None: nothing was measured
        self.closed = False  #: whether runs that were drawn are shed as well

    @property
    def levels(self) -> Mapping[str, int]:
        """How many times each surface's share is halved."""
        return self._levels

    def level(self, surface: str, tenant_id: str, /) -> int:
        """Return how many times the flag's probability is halved for this run, or `REST`."""
        if self._resting():
            return REST
        self._runs[tenant_id] += 1
        level = self._levels.get(surface, 0)
        return min(MOST_LEVEL, level + self._more.get(tenant_id, 0)) if level else 0

    def look(self, pressures: Collection[Pressure]) -> None:
        """Adapt the shares to what was measured."""
        worst = self.pressure = max(pressures, key=lambda one: one.value, default=None)
        self._wait = max(0, self._wait - 1)
        self._calm = self._calm + 1 if worst is None or worst.value < _CALM else 0
        if worst is None or worst.value <= 1.0:
            self.closed = False
        elif not self._wait:
            self._lower(worst.cause)
        if self._calm > self._calm_needed:
            self._raise()
        self._count_tenants()

    def _lower(self, cause: Cause) -> None:
        """Halve a share; if all are at their minimum, shed runs."""
        self._wait, self._calm_needed = _PACE[cause]
        able = [surface for surface, level in self._levels.items() if level < MOST_LEVEL]
        self.closed = not able
        if able:
            self._levels[min(able, key=lambda surface: (self._need(surface), self._levels[surface]))] += 1
            self._changed(cause)

    def _raise(self) -> None:
        self._calm = 0
        able = [surface for surface, level in self._levels.items() if level]
        if able:
            self._levels[max(able, key=lambda surface: (self._need(surface), self._levels[surface]))] -= 1
            self._changed(None)

    def _count_tenants(self) -> None:
        self._looks += 1
        if not any(self._levels.values()):
            self._more = {}
        elif self._runs:
            middle = sorted(self._runs.values())[len(self._runs) // 2]
            self._more = {tenant: more for tenant, runs in self._runs.items() if (more := _halvings(runs / middle))}
        if self._looks % _FORGET_LOOKS == 0 or len(self._runs) > _TENANTS:
            self._runs = Counter({tenant: runs // 2 for tenant, runs in self._runs.most_common(_TENANTS // 2) if runs > 1})


def _halvings(times: float) -> int:
    return next((halvings for least, halvings in _BUSY if times > least), 0)
