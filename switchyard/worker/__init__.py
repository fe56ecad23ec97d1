"""How a worker runs: its limits, its drain, its refusals, and what it counts."""
