"""The multipart of `$batch`: what is sent can be read back, and nothing that is missing counts."""

from __future__ import annotations

import pytest

from sync_agent.microsoft365.errors import Garbled
from sync_agent.microsoft365.sharepoint_batch import BatchAnswer, Post, decode_answers, encode_posts

HEADERS = {"Content-Type": 'multipart/mixed; boundary="batchresponse_1"'}


def part(body: bytes, status: int = 200, boundary: str = "batchresponse_1", more: str = "") -> bytes:
    return (
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n{more}\r\n".encode()
        + body
        + b"\r\n"
    )


END = b"--batchresponse_1--\r\n"


def test_posts_are_written_as_parts_of_one_change_set() -> None:
    content_type, body = encode_posts([Post("https://h/_api/a", b'{"x":"1"}'), Post("https://h/_api/b", b"{}")])
    batch = content_type.partition('boundary="')[2].rstrip('"')
    assert body.startswith(f"--{batch}\r\nContent-Type: multipart/mixed; boundary=".encode())
    assert body.endswith(f"--{batch}--\r\n".encode())
    assert body.count(b"POST https://h/_api/") == 2
    assert b'\r\n\r\n{"x":"1"}\r\n--changeset_' in body


def test_answers_come_in_order() -> None:
    body = part(b'{"a":1}') + part(b"no", status=404) + END
    assert decode_answers(HEADERS, body, 2) == [BatchAnswer(200, b'{"a":1}'), BatchAnswer(404, b"no")]


def test_answers_wrapped_in_a_change_set_of_their_own() -> None:
    inner = part(b"1", boundary="cs") + part(b"2", boundary="cs") + b"--cs--\r\n"
    body = b"--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=cs\r\n\r\n" + inner + END
    assert decode_answers(HEADERS, body, 2) == [BatchAnswer(200, b"1"), BatchAnswer(200, b"2")]


def test_a_throttled_part_says_for_how_long() -> None:
    [answer] = decode_answers(HEADERS, part(b"", status=429, more="Retry-After: 7\r\n") + END, 1)
    assert answer == BatchAnswer(429, b"", 7.0)


def test_missing_parts_are_none() -> None:
    assert decode_answers(HEADERS, part(b"1") + END, 3) == [BatchAnswer(200, b"1"), None, None]


def test_an_empty_answer_has_no_parts() -> None:
    assert decode_answers(HEADERS, b"", 2) == [None, None]


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_cut_off_answer_is_believed_only_for_whole_parts(kept: float) -> None:
    whole = part(b'{"a":1}') + part(b'{"b":2}') + END
    answers = decode_answers(HEADERS, whole[: int(len(whole) * kept)], 2)
    assert len(answers) == 2
    assert set(answers) <= {BatchAnswer(200, b'{"a":1}'), BatchAnswer(200, b'{"b":2}'), None}


@pytest.mark.parametrize("content_type", ["text/html", "application/json", "", "multipart/mixed"])
def test_what_is_no_multipart_is_garbled(content_type: str) -> None:
    with pytest.raises(Garbled):
        decode_answers({"Content-Type": content_type}, b"<html>Sign in</html>", 1)


def test_more_answers_than_parts_are_garbled() -> None:
    with pytest.raises(Garbled, match="2 parts to a batch of 1"):
        decode_answers(HEADERS, part(b"1") + part(b"2") + END, 1)
