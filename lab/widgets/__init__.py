"""What panels share: their frame, the choices that several of them offer, work in the background, warnings."""
