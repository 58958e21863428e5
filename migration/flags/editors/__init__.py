"""Where flags are edited: one file a source."""
