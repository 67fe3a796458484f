"""A request that got no answer: why, in the operator's words, and whether sending it again can help.

Of an address only the host goes into the words: paths and queries hold people's names.
"""

from __future__ import annotations

import ssl

import aiohttp
import httpx

from sync_agent.microsoft365.engine import last_words


class Lost(Exception):
    """No answer to one try. ``unsent``: the request cannot have reached the service. ``lasting``: nor will the next.

    ``kind``: which part of the way failed.
    """

    def __init__(self, reason: str, request_id: str, kind: str, *, unsent: bool, lasting: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.request_id = request_id
        self.kind = kind
        self.unsent = unsent
        self.lasting = lasting

    def worth_repeating(self, *, repeatable: bool) -> bool:
        return not self.lasting and (self.unsent or repeatable)


_UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
_LASTING = (aiohttp.ClientConnectorCertificateError,)


def lost(url: httpx.URL, error: Exception, our_id: str) -> Lost:
    kind, words = _in_words(error, url.host)
    reason = f"{url.netloc.decode()} could not be reached: {words}"
    return Lost(reason, our_id, kind, unsent=isinstance(error, _UNSENT), lasting=isinstance(error, _LASTING))


def _in_words(error: Exception, host: str) -> tuple[str, str]:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            problem = last_words(error.certificate_error)
            words = f"its TLS certificate is not trusted ({problem}); a private CA needs ca_bundle:"
            return _KINDS.get(getattr(error.certificate_error, "verify_code", 0), "tls_untrusted"), words
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return "tls_failed", f"no TLS connection comes about ({last_words(error)})"
        case aiohttp.ClientConnectorDNSError() if error.host != host:
            return "proxy_unknown", f"the name of the proxy, {error.host}, cannot be resolved"
        case aiohttp.ClientConnectorDNSError():
            return "host_unknown", "its name cannot be resolved"
        case aiohttp.ClientProxyConnectionError():
            return "proxy_refused", f"the proxy cannot be reached: {last_words(error.os_error)}"
        case aiohttp.ClientHttpProxyError():
            return "proxy_denied", f"the proxy does not let us through ({error.status})"
        case aiohttp.ClientConnectorError() if not isinstance(error.os_error, ConnectionResetError):
            return "connection_refused", last_words(error.os_error)
        case TimeoutError():
            return "no_answer", "no answer in time"
        case _:
            return "connection_broken", _broken(error)


def _broken(error: Exception) -> str:
    match error:
        case aiohttp.ClientResponseError() | httpx.DecodingError():  # their words hold the whole URL
            return "its answer cannot be read"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection without an answer"
        case aiohttp.ClientPayloadError():
            return "its answer was cut off"
        case aiohttp.ClientConnectorError():
            return last_words(error.os_error)
        case _:
            return last_words(error)


_KINDS = {9: "tls_expired", 10: "tls_expired", 62: "tls_wrong_host", 64: "tls_wrong_host"}
"""By OpenSSL's X509_V_ERR number: not yet valid, expired, for another host name, for another address."""
