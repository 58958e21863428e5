"""`netra-migration`, the command line for operators and engineers."""
