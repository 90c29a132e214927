"""Distance panel: accuracy on `reach:K` against the distance K."""
