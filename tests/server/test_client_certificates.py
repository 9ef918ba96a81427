"""Which clients a web config with `client_ca_file` lets in, before and after a reload."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from exporter.server.security.tls import has_allowed_san
from tests.support.secure import DEMANDS, REJECTED, Certificates, serving, tls, write


@pytest.mark.parametrize(
    ("keys", "outcome"),
    [
        ({}, {None: True, "client": True}),
        ({"client_auth_type": "RequestClientCert"}, {None: True, "client": True, "other": True}),
        (
            DEMANDS | {"client_auth_type": "VerifyClientCertIfGiven"},
            {None: True, "client": True, "other": False},
        ),
        (DEMANDS, {None: False, "client": True, "other": False}),
        (DEMANDS | {"max_version": "TLS12"}, {None: False, "client": True, "other": False}),
        (
            DEMANDS | {"client_allowed_sans": ["prometheus.example"]},
            {None: False, "client": True, "server": False, "other": False},
        ),
    ],
)
def test_client_certificates(
    certificates: Certificates, keys: dict[str, object], outcome: dict[str | None, bool]
) -> None:
    certificates.issue("other", "prometheus.example", authority=trustme.CA())
    with serving(write(certificates.folder, tls_server_config=tls(**keys))) as endpoint:
        for name, let_in in outcome.items():
            context = certificates.client_context(name)
            if let_in:
                assert endpoint.request(context=context).status == 200
            else:
                with pytest.raises(REJECTED):
                    endpoint.request(context=context)


def test_a_client_ca_that_was_replaced_is_believed_no_more(certificates: Certificates) -> None:
    write(certificates.folder, tls_server_config=tls(**DEMANDS | {"client_ca_file": "clients"}))
    (certificates.folder / "clients").write_bytes(certificates.authority.cert_pem.bytes())
    new = trustme.CA()
    certificates.issue("new", "prometheus.example", authority=new)
    with serving(certificates.folder / "web.yml") as endpoint:
        old_client = certificates.client_context("client")
        new_client = certificates.client_context("new")
        assert endpoint.request(context=old_client).status == 200
        with pytest.raises(REJECTED):
            endpoint.request(context=new_client)
        (certificates.folder / "clients").write_bytes(new.cert_pem.bytes())
        endpoint.look()
        assert endpoint.request(context=new_client).status == 200
        # Nor does a TLS session from before let the old client in.
        with pytest.raises(REJECTED):
            endpoint.request(context=old_client)


def test_a_client_who_is_believed_no_more_cannot_stay_connected(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    file = write(tmp_path, tls_server_config=tls(**DEMANDS))
    with serving(file) as endpoint:
        kept = endpoint.connection(certificates.client_context("client"))
        kept.request("GET", "/metrics")
        first = kept.getresponse()
        assert (first.read(), first.will_close) == (b"a 1\n", False)
        write(
            tmp_path, tls_server_config=tls(**DEMANDS | {"client_allowed_sans": ["other.example"]})
        )
        endpoint.look()
        kept.request("GET", "/metrics")
        last = kept.getresponse()
        assert (last.read(), last.will_close) == (b"a 1\n", True)
        with pytest.raises((OSError, http.client.HTTPException)):
            endpoint.request(context=certificates.client_context("client"))
        kept.close()


@given(
    st.lists(
        st.sampled_from(["prometheus", "10.0.0.1", "::1", "spiffe://a/b", "x@y.z"]), max_size=3
    )
)
def test_a_client_is_allowed_by_exactly_one_equal_name(allowed: list[str]) -> None:
    names = (
        ("DNS", "prometheus.example"),
        ("IP Address", "0:0:0:0:0:0:0:1"),
        ("URI", "spiffe://a/b"),
        ("DirName", "prometheus"),
    )
    expected = bool({"::1", "spiffe://a/b"} & set(allowed))
    assert has_allowed_san({"subjectAltName": names}, frozenset(allowed)) is expected
    assert not has_allowed_san({}, frozenset(allowed))
