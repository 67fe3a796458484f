"""What tests of the Microsoft 365 edge share."""

from __future__ import annotations

import pytest

from tests.microsoft365.contoso import Contoso, fresh_contoso


@pytest.fixture
def contoso(monkeypatch: pytest.MonkeyPatch) -> Contoso:
    """On a system whose only authority is Contoso's: reading all the usual ones takes longer than most tests."""
    fresh = fresh_contoso()
    monkeypatch.setenv("SSL_CERT_FILE", str(fresh.ca_bundle))
    return fresh
