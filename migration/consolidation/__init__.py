"""From many implementations to one: find them and all code that uses them, move that code to the target, prove that control can be removed,
remove it.

Read in this order:

1. `inventory`: what an audit finds, as frozen values. Every other module here makes these values or works on them.
2. `audit`: the pipeline as numbered steps; each step names the module that does it.
3. `sources/`, `reading/`, `findings/`, `report/`: which files there are, what one file contains, what the files mean together, and how the
result is shown.

No code of the audited tree is ever imported or executed.
"""
