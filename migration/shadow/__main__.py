"""`python -m migration.shadow JOBS_FD RESULTS_FD`: the worker process, as `ProcessShadow` starts it."""

import logging
import os
import sys

from migration.errors import MigrationError
from migration.shadow.frames import FrameError
from migration.shadow.worker import run_worker

logger = logging.getLogger(__name__)

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="shadow worker %(process)d: %(levelname)s %(message)s")
    try:
        status = run_worker(int(sys.argv[1]), int(sys.argv[2]))
    except FrameError:
        status = 0  # the parent died in the middle of a frame
    except MigrationError as error:
        logger.critical("cannot start, so nothing is shadowed: %s", error)
        status = 2
    logging.shutdown()
    # Threads and finalisers that engines left behind must not keep alive a process that has said that it is done.
    os._exit(status)
