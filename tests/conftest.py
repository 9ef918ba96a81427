"""What all tests share: the profile of the property tests, and which files begin."""

import pytest
from hypothesis import settings

# No deadline: a busy 2-core machine is slow now and then, and that is not a fault of the code.
# Derandomized: the gate fails for a change, never by luck. To search further:
# pytest --hypothesis-profile=search
settings.register_profile("ci", deadline=None, max_examples=60, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("ci")

pytest_plugins = ["tests.support.postgres"]

# Whole files are handed to the workers. Those that take longest come first, so that at the end no
# worker is left alone with one of them.
LONG = (
    "test_kill.py",
    "test_documentation.py",
    "test_service.py",
    "test_sync_laws.py",
    "test_alerts.py",
    "test_dashboards_live.py",
    "test_failure_semantics.py",
    "test_outage.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; the order is otherwise as it was."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
