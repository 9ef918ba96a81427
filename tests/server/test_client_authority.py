"""A client_ca_file that holds an intermediate certificate alone: whom it lets in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trustme

from tests.support.secure import DEMANDS, REJECTED, Certificates, Endpoint, serving, tls, write


@pytest.fixture
def root() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def intermediate(root: trustme.CA) -> trustme.CA:
    return root.create_child_ca()


@pytest.fixture
def endpoint(certificates: Certificates, intermediate: trustme.CA) -> Iterator[Endpoint]:
    """It trusts clients of the intermediate authority, but does not know its root."""
    intermediate.cert_pem.write_to_path(certificates.folder / "clients.pem")
    demands = DEMANDS | {"client_ca_file": "clients.pem"}
    file = write(certificates.folder, tls_server_config=tls(**demands))
    with serving(file) as running:
        yield running


@pytest.mark.parametrize("chain", [True, False])
def test_a_client_of_the_intermediate_is_let_in(
    endpoint: Endpoint, certificates: Certificates, intermediate: trustme.CA, chain: bool
) -> None:
    """Whether it sends the intermediate certificate along or not."""
    certificates.issue("ours", "prometheus.example", authority=intermediate)
    file = certificates.folder / "ours.crt"
    leaf, end, others = file.read_text().partition("-----END CERTIFICATE-----\n")
    assert "BEGIN" in others
    if not chain:
        file.write_text(leaf + end)
    response = endpoint.request(context=certificates.client_context("ours"))
    assert (response.status, response.body) == (200, b"a 1\n")


@pytest.mark.parametrize("issuer", ["root", "sibling", "stranger", "the server's", "nobody"])
def test_other_clients_are_not(
    endpoint: Endpoint, certificates: Certificates, root: trustme.CA, issuer: str
) -> None:
    """Nor those of the root above it, or of another authority below that root."""
    authorities = {
        "root": root,
        "sibling": root.create_child_ca(),
        "stranger": trustme.CA().create_child_ca(),
        "the server's": certificates.authority,
    }
    if issuer in authorities:
        certificates.issue("other", "prometheus.example", authority=authorities[issuer])
    context = certificates.client_context("other" if issuer in authorities else None)
    with pytest.raises(REJECTED):
        endpoint.request(context=context)
