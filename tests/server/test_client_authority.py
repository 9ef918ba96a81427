"""A client_ca_file that holds an intermediate certificate alone: whom it lets in."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.secure import DEMANDS, Certificates, Endpoint, serving, tls, write

TURNED_AWAY = (ssl.SSLError, ConnectionError, http.client.HTTPException)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def root() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def intermediate(root: trustme.CA) -> trustme.CA:
    return root.create_child_ca()


@pytest.fixture
def endpoint(certificates: Certificates, intermediate: trustme.CA) -> Iterator[Endpoint]:
    """It believes clients of the intermediate authority, whose root it does not know."""
    intermediate.cert_pem.write_to_path(certificates.folder / "clients.pem")
    demands = DEMANDS | {"client_ca_file": "clients.pem"}
    file = write(certificates.folder, tls_server_config=tls(**demands))
    with serving(file) as found:
        yield found


@pytest.mark.parametrize("chain", [True, False])
def test_a_client_of_the_intermediate_is_let_in(
    endpoint: Endpoint, certificates: Certificates, intermediate: trustme.CA, chain: bool
) -> None:
    """Whether he sends the intermediate certificate along or not."""
    certificates.issue("ours", "prometheus.example", authority=intermediate)
    file = certificates.folder / "ours.crt"
    leaf, end, others = file.read_text().partition("-----END CERTIFICATE-----\n")
    assert "BEGIN" in others
    if not chain:
        file.write_text(leaf + end)
    answer = endpoint.ask(context=certificates.client_context("ours"))
    assert (answer.status, answer.body) == (200, b"a 1\n")


@pytest.mark.parametrize("of", ["root", "sibling", "stranger", "the server's", "nobody"])
def test_other_clients_are_not(
    endpoint: Endpoint, certificates: Certificates, root: trustme.CA, of: str
) -> None:
    """Nor those of the root above it, or of another authority below that root."""
    authorities = {
        "root": root,
        "sibling": root.create_child_ca(),
        "stranger": trustme.CA().create_child_ca(),
        "the server's": certificates.authority,
    }
    if of in authorities:
        certificates.issue("other", "prometheus.example", authority=authorities[of])
    context = certificates.client_context("other" if of in authorities else None)
    with pytest.raises(TURNED_AWAY):
        endpoint.ask(context=context)
