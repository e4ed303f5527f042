"""Speed, measured: `python -m tests.bench` prints every number as a ratio to a named floor."""
