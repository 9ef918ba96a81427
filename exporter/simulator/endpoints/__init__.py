"""What the simulated exchange answers under which path, and what can go wrong with it."""
