"""The simulated market: prices, accounts and their trades. Pure and seeded; knows no wire format.

Reading order: `prices` (a function of seed and minute), `trades`, `trader` (what an account does),
`ledger` (what follows from it), `market` (all accounts as time advances).
"""
