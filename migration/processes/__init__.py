"""Who runs: what serving processes and workers tell about themselves, which flags they follow, how they died, and which tenants are known."""
