"""The cause of a wrong answer: `explain.py` says in which order it is searched for."""
