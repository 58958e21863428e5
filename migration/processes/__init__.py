"""The running processes: what servers and workers report about themselves, which flags they follow, how they died, and which tenants are
known.
"""
