"""Edits of Theano 1.0.5, a module for each topic; each edit has the reason for which it is made."""

from theano_build.edits import cache, compiling, importing, new_numpy, new_python, results

EDITS = {
    reason: edits
    for topic in (new_python, new_numpy, importing, cache, compiling, results)
    for reason, edits in topic.EDITS.items()
}

# Theano's files that are replaced by files of this package.
FILES = {"gof/compilelock.py": "compilelock.py"}
