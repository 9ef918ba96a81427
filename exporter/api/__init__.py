"""Everything that knows HTTP: what the exchange sends, as bytes or as errors, within its limits.

Read `client` first; `rate_limiter` and `retry` decide when, `sender` sends, `response` sorts the
errors. `paginator` reads a window of history with it, and `coverage` holds what its pages prove.
"""
