"""Who runs: what serving processes and workers say of themselves, which flags they follow, how they died, and which tenants are known."""
