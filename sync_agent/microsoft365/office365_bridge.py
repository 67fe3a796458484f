"""Office365-REST-Python-Client on our transport: its requests are paced, signed and retried like all others.

The library blocks and its context must never be shared between tasks, so each unit of work gets a context of its own
and a worker thread (``run``). Its own retries, rate limiter, tokens and form digests stay off: bearer tokens need no
digest, and the rest has one owner already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec
from office365.runtime.client_request_exception import ClientRequestException
from office365.runtime.http.request_options import RequestOptions
from office365.runtime.transport.base import BaseTransport
from office365.sharepoint.client_context import ClientContext
from requests import RequestException, Response
from requests.structures import CaseInsensitiveDict

from sync_agent.microsoft365.errors import Garbled, refusal
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.transport import Answer, Request, TokenSource, Transport, request_id_in

T = TypeVar("T")

_SIGNED_BY_TRANSPORT = {"access_token": "-", "token_type": "Bearer", "expires_in": 3600}
"""The library insists on credentials; the transport replaces the header it makes of these."""


def client_context(site_url: str, transport: Transport, tokens: TokenSource, budget: Budget) -> ClientContext:
    """A fresh context for one unit of work; use it inside ``run`` only."""
    context = ClientContext(site_url).with_access_token(lambda: _SIGNED_BY_TRANSPORT)
    request = context.pending_request()
    request.transport = _Bridge(transport, tokens, budget)
    request.beforeExecute -= request.ensure_form_digest
    return context


async def run(work: Callable[[], T]) -> T:
    """Do blocking work of the library in a thread. Raises ServiceError, never the library's own errors."""
    try:
        return await asyncio.to_thread(work)
    except ClientRequestException as error:
        raise _translated(error) from error
    except RequestException as error:
        raise Garbled(f"SharePoint's answer could not be read: {error}") from error
    except (KeyError, IndexError, AttributeError, AssertionError, TypeError, ValueError) as error:
        # How the library fails on an answer of another shape than it expects.
        raise Garbled(f"SharePoint's answer is not what was asked for: {type(error).__name__}") from error


class _Bridge(BaseTransport):
    def __init__(self, transport: Transport, tokens: TokenSource, budget: Budget) -> None:
        self._transport = transport
        self._tokens = tokens
        self._budget = budget

    def execute(self, request: RequestOptions) -> Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OURS}
        answer = self._transport.from_thread(
            Request(
                str(request.method.value),
                request.url,
                headers=headers,
                body=_body(request),
                tokens=self._tokens,
                budget=self._budget,
                units=2.0,
                repeatable=_reads(request),
                kind="list",
            )
        )
        return _response(request, answer)


_OURS = frozenset({"authorization", "client-request-id", "content-length", "user-agent"})


class _Verbose(msgspec.Struct):
    d: dict[str, msgspec.Raw]


def _reads(request: RequestOptions) -> bool:
    return str(request.method.value).upper() == "GET"


def _body(request: RequestOptions) -> bytes | None:
    data = request.data
    if data is None or isinstance(data, bytes):
        return data
    return data.encode() if isinstance(data, str) else msgspec.json.encode(data)


def _response(request: RequestOptions, answer: Answer) -> Response:
    """The library takes for an empty collection what is no answer of its kind, so that stops here."""
    if 200 <= answer.status < 300 and (answer.body or _reads(request)):
        answer.json(_Verbose)
    response = Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(answer.headers)
    response.encoding = "utf-8"
    response.url = request.url
    response._content = answer.body  # requests has no other way to make an answer
    return response


def _translated(error: ClientRequestException) -> Exception:
    response = error.response
    if response is None:
        return Garbled(f"SharePoint's answer could not be read: {error}")
    headers = dict(response.headers)
    answer = Answer(response.status_code, headers, response.content, request_id_in(headers))
    return refusal(answer, "A request to SharePoint")
