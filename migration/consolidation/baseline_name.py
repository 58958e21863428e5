"""The name of the guard's baseline. The command's help needs it, and nothing else of this package."""

from typing import Final

#: The content is JSON, but the audit must not take the file for configuration and count it as a consumer; so the suffix is not `.json`.
BASELINE_NAME: Final = "consolidation-baseline.lock"
