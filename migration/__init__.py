"""A strangler migration with shadow execution, for any asyncio engine that streams events and calls models and tools.

Read in this order:

1. `model`: the nouns (`RunRequest`, `Event`, `Effect`, `RunRecord`, `Comparison`, `Divergence`) and the `Engine` seam.
2. `stages`: what a stage means for one request.
3. `facade`: one request as numbered steps; each names the package that does it.
"""
