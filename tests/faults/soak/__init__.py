"""An hour of the whole service under a steady load and a seeded mix of faults: `make soak`."""
