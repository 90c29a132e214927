"""The cause of a wrong answer. `explain.py` has the order in which the other files look for it.

All of them work with one `Search` (`search.py`). `source.py` reads the answer and makes changed versions of it;
`errors.py` puts exceptions into words.
"""
