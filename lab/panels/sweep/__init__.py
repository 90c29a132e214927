"""Start a sweep, follow it while it trains, and plot and compare its runs."""
