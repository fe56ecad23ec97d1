"""Books kept by three hands: what a request was promised, what ran, and what came of it."""
