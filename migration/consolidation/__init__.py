"""From many implementations to one: find them and everything that uses them, move the users, prove that the old ones can be removed, remove
them.

Read in this order:

1. `inventory`: what an audit finds, as frozen values. Everything else here makes them or works on them.
2. `audit`: the pipeline as numbered steps; each names the module that does it.
3. `sources/`, `reading/`, `findings/`, `report/`: which files there are, what one file says, what the files mean together, how it is shown.

Nothing of the audited tree is ever imported or executed.
"""
