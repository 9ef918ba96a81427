"""Benchmarks of the project's performance targets: `python -m benchmarks [SUBJECT...]`."""
