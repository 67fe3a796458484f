"""`/_api/$batch`: GETs outside, writes inside a change set, each part with its own status."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from sync_agent.microsoft365.sharepoint_batch import BatchAnswer, Post, decode_answers, encode_posts
from tests.simulator.office import SITE, Office


def items(office: Office) -> str:
    return f"{office.world.origin}{SITE}/_api/web/lists(guid'{office.agents.id}')/items"


def form(title: str) -> bytes:
    values = [{"FieldName": "Title", "FieldValue": title}]
    return json.dumps({"formValues": values, "bNewDocumentUpdate": True}).encode()


def send(office: Office, content_type: str, body: bytes, **more: Any) -> httpx.Response:
    return office.rest("POST", "/$batch", headers={"Content-Type": content_type}, content=body, **more)


def posted(office: Office, posts: list[tuple[str, bytes]]) -> list[BatchAnswer | None]:
    answer = send(office, *encode_posts([Post(*post) for post in posts]))
    assert answer.status_code == 200, answer.text
    return decode_answers(answer.headers, answer.content, len(posts))


def written(method: str, url: str, headers: dict[str, str], body: str, *, changeset: bool, end: str = "\r\n") -> bytes:
    """A batch of one request."""
    lines = [f"{method} {url} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", body, ""]
    request = "\n".join(lines)
    part = f"Content-Type: application/http\nContent-Transfer-Encoding: binary\n\n{request}"
    if changeset:
        part = f"Content-Type: multipart/mixed; boundary=c\n\n--c\n{part}--c--\n"
    return f"--b\n{part}--b--\n".replace("\n", end).encode()


def one(office: Office, *args: Any, **how: Any) -> BatchAnswer:
    answer = send(office, "multipart/mixed; boundary=b", written(*args, **how))
    assert answer.status_code == 200, answer.text
    (told,) = decode_answers(answer.headers, answer.content, 1)
    assert told is not None
    return told


def test_each_part_has_its_own_status_and_nothing_is_rolled_back(office: Office) -> None:
    """make-batch-requests: not atomic in SharePoint Online."""
    ids = [office.agents.add({"Title": "Jane"}) for _ in range(3)]
    office.agents.delete(ids[1])
    told = posted(office, [(f"{items(office)}({id_})/ValidateUpdateListItem", form("Joan")) for id_ in ids])
    assert [answer and answer.status for answer in told] == [200, 404, 200]
    assert [item.fields["Title"] for item in office.agents.items.values()] == ["Joan", "Joan"]


@pytest.mark.parametrize(("count", "status"), [(100, 200), (101, 400)])
def test_at_most_a_hundred_parts(office: Office, count: int, status: int) -> None:
    row = office.agents.add({"Title": "Jane"})
    content_type, body = encode_posts([Post(f"{items(office)}({row})/ValidateUpdateListItem", form("x"))] * count)
    assert send(office, content_type, body).status_code == status
    assert office.agents.items[row].revision == (101 if status == 200 else 1)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize(
    ("method", "changeset", "status"),
    [("GET", False, 200), ("GET", True, 400), ("MERGE", True, 204), ("MERGE", False, 400)],
)
def test_reads_stand_outside_and_writes_inside_a_change_set(
    office: Office, method: str, changeset: bool, status: int, end: str
) -> None:
    row = office.agents.add({"Title": "Jane"})
    headers = {"IF-MATCH": '"1"', "Content-Type": "application/json;odata=nometadata"}
    body = json.dumps({"Title": "Joan"}) if method == "MERGE" else ""
    told = one(office, method, f"{items(office)}({row})", headers, body, changeset=changeset, end=end)
    assert told.status == status
    assert office.agents.items[row].fields["Title"] == ("Joan" if status == 204 else "Jane")


def test_a_part_is_for_the_same_host(office: Office) -> None:
    told = one(office, "GET", "https://elsewhere.example/sites/ucc/_api/web", {}, "", changeset=False)
    assert told.status == 400


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/mixed", b"--b\r\n--b--"),
        ("multipart/mixed; boundary=b", b""),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: application/http\r\n\r\nGET / HTTP/1.1\r\n"),
    ],
)
def test_a_cut_off_or_other_body_is_refused_whole(office: Office, content_type: str, body: bytes) -> None:
    assert send(office, content_type, body).status_code == 400


def test_each_part_is_charged_and_throttled_by_itself(office: Office) -> None:
    office.world.limited, office.tenant.sharepoint_units = True, 5
    row = office.agents.add({"Title": "Jane"})
    told = posted(office, [(f"{items(office)}({row})/ValidateUpdateListItem", form(str(n))) for n in range(4)])
    assert [answer and answer.status for answer in told] == [200, 200, 429, 429]
    assert told[3] is not None
    assert told[3].retry_after == 60
    assert office.agents.items[row].fields["Title"] == "1"


def test_a_batch_takes_no_app_only_token_got_with_a_secret(office: Office) -> None:
    answer = send(office, *encode_posts([]), token=office.token(by_certificate=False))
    assert answer.status_code == 401
