"""Ends a process that this one started: kills and reaps it, even if it ignores other signals."""

import subprocess
import threading
from typing import Final

#: Seconds after which the kernel has certainly ended a killed process, however busy the machine is.
END_S: Final = 5.0


def end(process: subprocess.Popen[bytes], seconds: float = END_S) -> int | None:
    """Kill the process and wait until it is gone.

    Returns:
        Its exit status. None: the kernel holds it longer than that; a thread reaps it afterwards.
    """
    process.kill()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, name=f"reaps process {process.pid}", daemon=True).start()
        return None
