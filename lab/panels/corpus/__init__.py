"""Look at a corpus, fetch one, bring one's own."""
