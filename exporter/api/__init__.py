"""The HTTP client of the exchange: responses as bytes or as errors, within its rate limit.

Read `client` first; `rate_limiter` and `retry` decide when, `sender` sends, `response` sorts the
errors. `paginator` reads a window of history with it, and `coverage` holds what its pages prove;
`open_list` reads a list of what may still change.
"""
