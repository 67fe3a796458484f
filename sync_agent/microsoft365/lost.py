"""A request that got no answer: why, in the operator's words, and whether sending it again can help.

Of an address only the host goes into the words: paths and queries hold people's names.
"""

from __future__ import annotations

import ssl

import aiohttp
import httpx

from sync_agent.microsoft365.engine import last_words


class Lost(Exception):
    """No answer to one try. ``unsent``: the request cannot have reached the service. ``lasting``: nor will the next."""

    def __init__(self, reason: str, request_id: str, *, unsent: bool, lasting: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.request_id = request_id
        self.unsent = unsent
        self.lasting = lasting

    def worth_repeating(self, *, repeatable: bool) -> bool:
        return not self.lasting and (self.unsent or repeatable)


_UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
_LASTING = (aiohttp.ClientConnectorCertificateError,)


def lost(url: httpx.URL, error: Exception, our_id: str) -> Lost:
    reason = f"{url.netloc.decode()} could not be reached: {_in_words(error, url.host)}"
    return Lost(reason, our_id, unsent=isinstance(error, _UNSENT), lasting=isinstance(error, _LASTING))


def _in_words(error: Exception, host: str) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            problem = last_words(error.certificate_error)
            return f"its TLS certificate is not trusted ({problem}); a private CA needs ca_bundle:"
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return f"no TLS connection comes about ({last_words(error)})"
        case aiohttp.ClientConnectorDNSError() if error.host != host:
            return f"the name of the proxy, {error.host}, cannot be resolved"
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved"
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy cannot be reached: {last_words(error.os_error)}"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy does not let us through ({error.status})"
        case aiohttp.ClientResponseError() | httpx.DecodingError():  # their words hold the whole URL
            return "its answer cannot be read"
        case aiohttp.ClientConnectorError():
            return last_words(error.os_error)
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection without an answer"
        case aiohttp.ClientPayloadError():
            return "its answer was cut off"
        case TimeoutError():
            return "no answer in time"
        case _:
            return last_words(error)
