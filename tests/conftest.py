"""What all tests share: the profile of the property tests, and which files run first."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from tests.support.memory import keep_temporary_files_in_memory

# Before anything asks where temporary files go.
keep_temporary_files_in_memory()

# No deadline: a busy machine with two cores is slow now and then, which is no fault of the code.
# Derandomized: the gate fails because of a change, never by chance. To search further:
# pytest --hypothesis-profile=search
settings.register_profile("ci", deadline=None, max_examples=60, derandomize=True, database=None)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("ci")

pytest_plugins = ["tests.support.postgres", "tests.support.simulated_year"]

# A file is run by one worker, and so are those that share what takes long to make. The longest come
# first, so that no worker starts one of them when the others are about to finish.
SHARED = {name: "the simulated year" for name in ("test_cookbook.py", "test_simulated_year.py")}
LONG = (
    *SHARED,
    "test_kill.py",
    "test_document_commands.py",
    "test_shutdown.py",
    "test_commands.py",
    "test_sync_laws.py",
    "test_alert_rules.py",
    "test_refused_scopes.py",
    "test_two_processes.py",
    "test_embedded_service.py",
    "test_demo.py",
    "test_standing_by.py",
    "test_dashboards_live.py",
    "test_failure_semantics.py",
    "test_outage.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; the order is otherwise as it was."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """As `--dist loadfile`, but all files of SHARED with the same value are one unit of work."""
    scheduler = LoadFileScheduling(config, log)

    def unit_of(nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return SHARED.get(Path(file).name, file)

    scheduler._split_scope = unit_of  # the method that xdist's own subclasses replace
    return scheduler


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command that a test calls in this process sets levels and handlers for good."""
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in list(root.manager.loggerDict))]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
