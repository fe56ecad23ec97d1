"""The parts of the benchmark, in the order in which they run, and the module of each."""

NAMES = {
    "enqueue": "tests.bench.enqueue",
    "relay": "tests.bench.relay",
    "io": "tests.bench.io",
    "reading": "tests.bench.reading",
    "cpu": "tests.bench.cpu",
    "chords": "tests.bench.chords",
    "isolation": "tests.bench.isolation",
    "schedule": "tests.bench.schedule",
    "latency": "tests.bench.latency",
    "startup": "tests.bench.startup",
    "scrape": "tests.bench.scrape",
    "growth": "tests.bench.growth",
    "cluster": "tests.bench.cluster",
    "footprint": "tests.bench.footprint",
}
