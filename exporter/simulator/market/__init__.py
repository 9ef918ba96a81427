"""What happens at the simulated exchange: prices, accounts, their trades. Pure, seeded."""
