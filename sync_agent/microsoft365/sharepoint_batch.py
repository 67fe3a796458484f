"""SharePoint's `/_api/$batch` on the wire: multipart/mixed, written and read by hand.

The library's own batch costs 50 times the CPU, and takes a cut-off answer for success; see
docs/decisions/0002-which-list-calls-go-round-the-library.md. Parts are answered in the order in which they were sent;
SharePoint Online writes the answers flat, other servers wrap those of a change set in a multipart of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from sync_agent.microsoft365.errors import Garbled

MOST_PARTS = 100
NO_SUCH_CALL = frozenset({400, 404, 405, 415})
"""How a service answers that has no such call: do it another way."""
_JSON = "application/json;odata=nometadata"
JSON_HEADERS = {"Content-Type": _JSON, "Accept": _JSON}
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"^retry-after: *(\d+)", re.IGNORECASE | re.MULTILINE)
_CONTENT_TYPE = re.compile(rb"^content-type: *(.+)$", re.IGNORECASE | re.MULTILINE)
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r?\n")


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """One part's own answer."""

    status: int
    body: bytes
    retry_after: float | None = None
    """Seconds, where a throttled part names them."""


@dataclass(frozen=True, slots=True)
class Post:
    """JSON to be posted to an absolute URL."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def encode_posts(posts: Sequence[Post]) -> tuple[str, bytes]:
    """Content type and body of a batch, in one change set."""
    batch, changeset = f"batch_{uuid4()}", f"changeset_{uuid4()}"
    lines = [f'--{batch}\r\nContent-Type: multipart/mixed; boundary="{changeset}"\r\n\r\n'.encode()]
    for post in posts:
        headers = "".join(f"{name}: {value}\r\n" for name, value in {**JSON_HEADERS, **post.headers}.items())
        lines.append(
            f"--{changeset}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            f"POST {post.url} HTTP/1.1\r\n{headers}\r\n".encode()
        )
        lines += [post.body, b"\r\n"]
    lines.append(f"--{changeset}--\r\n--{batch}--\r\n".encode())
    return f'multipart/mixed; boundary="{batch}"', b"".join(lines)


def decode_answers(headers: Mapping[str, str], body: bytes, expected: int) -> list[BatchAnswer | None]:
    """The answers of ``expected`` parts; None for each that is missing or cut off.

    Raises Garbled when the answer is no multipart, or holds more parts than were sent: then no part can be believed.
    """
    answers = _decode_parts(_content_type(headers), body)
    if len(answers) > expected:
        raise Garbled(f"SharePoint answered {len(answers)} parts to a batch of {expected}")
    return answers + [None] * (expected - len(answers))


def _content_type(headers: Mapping[str, str]) -> str:
    return next((value for name, value in headers.items() if name.lower() == "content-type"), "")


def _decode_parts(content_type: str, body: bytes) -> list[BatchAnswer | None]:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None or not content_type.lower().lstrip().startswith("multipart/"):
        raise Garbled(f'SharePoint answered a batch with content type "{content_type}" instead of multipart/mixed')
    # Text before the first and after the last boundary is no part. Without its closing boundary a part is cut off.
    pieces = body.split(b"--" + boundary[1].encode())[1:]
    whole, rest = pieces[:-1], pieces[-1:]
    answers = [answer for piece in whole for answer in _decode_part(piece)]
    cut_off = rest and not rest[0].startswith(b"--") and rest[0].strip()
    return [*answers, None] if cut_off else answers


def _decode_part(piece: bytes) -> list[BatchAnswer | None]:
    head, _, content = piece.replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n\n")
    kind = _CONTENT_TYPE.search(head)
    if kind is not None and kind[1].lower().startswith(b"multipart/"):
        return _decode_parts(kind[1].decode("latin-1"), content)
    status = _STATUS_LINE.match(content)
    if status is None:
        return [None]
    answer_head, _, answer = content.partition(b"\n\n")
    wait = _RETRY_AFTER.search(answer_head)
    return [BatchAnswer(int(status[1]), answer.strip(), float(wait[1]) if wait else None)]
