"""Everything that knows HTTP: the exchange's answers as bytes or as errors, at a bearable pace.

Read `client` first; `budget` and `retry` say when, `attempt` how, `answer` what came of it.
"""
