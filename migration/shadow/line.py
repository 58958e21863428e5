"""The line of jobs that have no result yet: first those that the worker was sent, then those that wait for it. Bounded, in order."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from migration.model import encode
from migration.settings import MigrationSettings
from migration.shadow.job import ShadowJob, ShedReason

#: Jobs that the worker has at a time: a group that it works on, and as many again in its pipe, so that it does not wait for the next group.
_WINDOW: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingJob:
    """A job that has no result yet."""

    surface: str
    run_id: str
    body: bytes
    deadline_s: float
    offered_at: float


class Line:
    """Jobs in the order in which they came; its length is how many there are.

    Args:
        settings: the limits.
        clock: monotonic seconds.
    """

    def __init__(self, settings: MigrationSettings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        self._queue: deque[WaitingJob] = deque()
        self._sent: deque[WaitingJob] = deque()
        self._suspects = 0  #: how many of the oldest jobs were sent to a worker that died: each of them is sent alone
        self._head_since = 0.0
        self.queued_bytes = 0  #: total size of the jobs that were not sent

    def __len__(self) -> int:
        """Return the number of jobs."""
        return len(self._queue) + len(self._sent)

    @property
    def sent(self) -> int:
        """The number of jobs that were sent to the worker."""
        return len(self._sent)

    def take(self, job: ShadowJob) -> ShedReason | None:
        """Put the job at the end; return the reason if it is shed instead."""
        if len(self) >= self._settings.shadow_queue_jobs:
            return "queue_jobs"
        body = encode(job)
        if len(body) > self._settings.shadow_job_bytes:
            return "job_bytes"
        if self.queued_bytes + len(body) > self._settings.shadow_queue_bytes:
            return "queue_bytes"
        request, now = job.record.request, self._clock()
        self._queue.append(WaitingJob(surface=request.surface, run_id=request.run_id, body=body, deadline_s=job.deadline_s, offered_at=now))
        self.queued_bytes += len(body)
        return None

    def send(self) -> WaitingJob | None:
        """Return the next job for the worker; None: there is none, or the worker has enough jobs."""
        if not self._queue or len(self._sent) >= (1 if self._suspects else _WINDOW):
            return None
        waiting = self._queue.popleft()
        self.queued_bytes -= len(waiting.body)
        if not self._sent:
            self._head_since = self._clock()
        self._sent.append(waiting)
        return waiting

    def awaits(self, run_id: str) -> bool:
        """Whether the next answer may be about this run. If the worker could not read a job, its answer has the id ""."""
        return bool(self._sent) and run_id in {self._sent[0].run_id, ""}

    def answered(self) -> WaitingJob:
        """Take out the oldest job that was sent; the next one runs from now on."""
        self._head_since = self._clock()
        self._suspects = max(0, self._suspects - 1)
        return self._sent.popleft()

    def oldest_s(self) -> float:
        """Return how long ago the oldest job was offered; 0: there is none."""
        oldest = self._sent or self._queue
        return self._clock() - oldest[0].offered_at if oldest else 0.0

    def late_s(self) -> float:
        """Return by how many seconds the worker's current job is past its deadline; negative before the deadline. A job must have been
        sent.
        """
        return self._clock() - self._head_since - self._sent[0].deadline_s

    def put_back(self, *, suspected: bool) -> None:
        """Put the jobs that were sent back at the head of the queue: their worker is gone.

        Args:
            suspected: whether one of these jobs may have killed it. The next worker gets each alone, so that the cause is found.
        """
        if suspected:
            self._suspects = max(self._suspects, len(self._sent))
        while self._sent:
            waiting = self._sent.pop()
            self._queue.appendleft(waiting)
            self.queued_bytes += len(waiting.body)

    def give_up(self) -> WaitingJob | None:
        """Take out the oldest job; None: there is none left."""
        self.put_back(suspected=False)
        if not self._queue:
            return None
        waiting = self._queue.popleft()
        self.queued_bytes -= len(waiting.body)
        return waiting
