"""The simulated exchange as an HTTP server: its clock, its state, its controls."""
