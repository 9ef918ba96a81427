"""What all tests share: the profile of the property tests."""

from hypothesis import settings

# No deadline: a busy 2-core machine is slow now and then, and that is not a fault of the code.
# Derandomized: the gate fails for a change, never by luck. To search further:
# pytest --hypothesis-profile=search
settings.register_profile("ci", deadline=None, max_examples=60, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("ci")

pytest_plugins = ["tests.postgres"]
