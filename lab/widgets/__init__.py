"""Parts that panels share: their frame, choices that several offer, work in the background, warnings."""
