"""The sources of flags: one module for each. All of them feed `FlagIntake`."""
