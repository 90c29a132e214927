"""How far back a tagger can look: accuracy against distance."""
