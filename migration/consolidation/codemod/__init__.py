"""The codemod: rewrites consumers of legacy implementations to the target where that is certain, and says where it is not.

Read in this order:

1. `rules`, `configuration`: which call becomes which, and what a class is called afterwards.
2. `plan`: the steps, each names the module that does it. `applying`: writes the files, or shows the difference.
3. `tree`, `inference`, `surface`, `relevance`: what the audited files mean, what the target offers, which files are worth a look.
4. `source`, `uses`, `bindings`, `analysis`: one file, from its syntax tree to what becomes of each use. `calls`, `contexts`, `strings`,
   `named_by_strings`, `leaving`, `statements` each know one kind of place; all of them make `edits` of the text, so that the rest keeps
   every character. `partials`, `tables`, `lazy`, `unpacking`, `named_later`, `choices`: what is handed on, where every use can be
   seen.
5. `groups`, `links`: what hangs together, in a file and across files.

In one file everything of one legacy module is rewritten together or not at all.
"""
