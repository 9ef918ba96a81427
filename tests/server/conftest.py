"""What several tests of the server use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.secure import Certificates


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """An authority with certificates for a server and a client, in the test's own folder."""
    return Certificates(tmp_path)
