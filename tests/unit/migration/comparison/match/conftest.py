from tests.unit.migration.comparison.streams import frame, stream, tools

__all__ = ["frame", "stream", "tools"]
