"""The sources of flags: one file for each; all of them feed `FlagIntake`."""
