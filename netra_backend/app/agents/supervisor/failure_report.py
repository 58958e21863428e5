"""Logs a failed execution under a support code, without any text of a user or a model."""

import asyncio
import logging
import secrets
import traceback
from typing import Any

logger = logging.getLogger(__name__)


def report_failure(error: BaseException, *, agent_name: str, run_id: str) -> dict[str, Any]:
    """Log the failure and return what a result may contain about it: `error_type` and `support_code`."""
    support_code = secrets.token_hex(4).upper()
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
    # The exception's message is not logged, because exceptions of ports quote requests and replies.
    logger.log(
        logging.INFO if isinstance(error, asyncio.CancelledError) else logging.WARNING,
        "agent failed",
        extra={"agent": agent_name, "run_id": run_id, "error_type": type(error).__name__, "where": where, "support_code": support_code},
    )
    return {"error_type": type(error).__name__, "support_code": support_code}
