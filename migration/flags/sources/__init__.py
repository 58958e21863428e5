"""Where flags come from: one file a source, all of which feed `FlagIntake`."""
