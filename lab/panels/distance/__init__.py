"""Train taggers on `reach:K` and plot their accuracy against the distance K."""
