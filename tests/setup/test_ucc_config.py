"""Reading config.xml: every shape that it may have, and what is said of a file that is none."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.setup.ucc_config import LARGEST, NoSource, UccSource, read_config
from tests.setup.configs import CLIENT, ENCRYPTED, TENANT, account, config, source, with_secret

PLAIN = config(source(with_secret()))
VALUES = {"id": "contoso.com", "clientid": f"{CLIENT}0", "tenantid": f"{TENANT}0", "encryptedsecret": ENCRYPTED}


def only(data: bytes) -> UccSource:
    (found,) = read_config(data)
    return found


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        f'<?xml version="1.0" encoding="utf-8"?>\r\n<!-- ours -->\r\n{PLAIN}\r\n'.encode(),
        codecs.BOM_UTF8 + PLAIN.encode(),
        f'<?xml version="1.0" encoding="utf-16"?>{PLAIN}'.encode("utf-16"),
        f'<?xml version="1.0" encoding="windows-1252"?><a x="ü">{PLAIN}</a>'.encode("cp1252"),
        PLAIN.replace("<Configuration>", '<Configuration xmlns="urn:x">').encode(),
        PLAIN.replace("MsGraph", "p:MsGraph").replace("<Configuration>", '<Configuration xmlns:p="urn:x">').encode(),
        PLAIN.replace("ClientId", "clientID").replace("Account ", "account ").encode(),
        PLAIN.replace("<Accounts>", "").replace("</Accounts>", "").encode(),
        source(with_secret()).encode(),
        f"<a><b><c>{PLAIN}</c></b></a>".encode(),
    ],
    ids=["plain", "declared", "bom", "utf-16", "cp1252", "namespace", "prefix", "case", "no-list", "bare", "deep"],
)
def test_every_shape_gives_the_same(data: bytes) -> None:
    found = only(data)
    assert found.enabled is True
    assert [each.values for each in found.accounts] == [VALUES]


def test_values_may_be_elements() -> None:
    inside = "".join(f"<{name}> {value}\n</{name}>" for name, value in VALUES.items())
    assert only(config(source(f"<Account>{inside}</Account>")).encode()).accounts[0].values == VALUES


def test_where_a_source_stands_is_told() -> None:
    assert only(PLAIN.encode()).place == "Configuration/PresenceProvider"
    assert only(source(account()).encode()).place == "the top"


@pytest.mark.parametrize(
    ("enabled", "is_on"), [("true", True), ("True", True), ("1", True), ("false", False), ("maybe", None), (None, None)]
)
def test_whether_it_is_enabled(enabled: str | None, is_on: bool | None) -> None:
    found = only(config(source(account(), enabled=enabled)).encode())
    assert (found.enabled, found.switch) == (is_on, enabled)


def test_sources_come_in_their_order_and_accounts_of_others_are_none() -> None:
    other = f"<OtherSource><Accounts>{account(9, 'no')}</Accounts></OtherSource>"
    found = read_config(config(source(account(1, "a"), account(2, "b")), other, source(account(3, "c"))).encode())
    assert [[each.values["id"] for each in one.accounts] for one in found] == [["a", "b"], ["c"]]


def test_what_is_commented_out_is_not_there() -> None:
    found = only(config(source(account(1, "a"), f"<!-- {account(2, 'b')} -->")).encode())
    assert [each.values["id"] for each in found.accounts] == ["a"]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is no well-formed XML: line 1, column 1 cannot be read"),
        (PLAIN[:-9].encode(), "is no well-formed XML: line 1, column"),
        (b"sharepoint: {}\n", "is no well-formed XML: line 1, column 1 cannot be read"),
        (f"{BOMB}<x>&b;</x>".encode(), "has a document type or entities"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "has a document type or entities"),
        (b'<?xml version="1.0" encoding="klingon"?><x/>', "is in an encoding that is not known"),
        (config().encode(), "has no <MsGraphPresenceSource>"),
        (b"x" * (LARGEST + 1), "is larger than 20 MB"),
    ],
    ids=["empty", "cut-off", "yaml", "bomb", "outside", "encoding", "no-source", "large"],
)
def test_what_cannot_be_read_is_told(data: bytes, told: str) -> None:
    with pytest.raises(NoSource) as caught:
        read_config(data)
    assert str(caught.value).startswith(told)
    assert ENCRYPTED not in str(caught.value)


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_config(data)
    except NoSource as why:
        assert str(why)


def test_nesting_without_end_is_no_fault_of_ours() -> None:
    deep = 20_000
    assert only(b"<a>" * deep + source(account()).encode() + b"</a>" * deep).accounts
