"""One place that people are told at. Its address is a secret: what is said of it names the setting instead.

Apprise takes no transport of ours, cannot be stopped, and finds its proxy in the environment. In a process of its own
it gets the environment that the settings ask for, and an end (docs/decisions/0013).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync_agent.notify.message import Message
from sync_agent.settings import Secret, SecretUnavailable

_SECONDS = 30.0
"""For Apprise to send one message."""
_GRACE = 10.0
"""More, for the child to start and to tell."""
_SENDER = "sync_agent.notify.apprise_sender"


class NotDelivered(Exception):
    """Why, without anything that the address holds."""


@dataclass(frozen=True, slots=True)
class Target:
    """``name``: what logs call it; ``key``: what the history knows it by."""

    name: str
    key: str
    url: Secret
    proxy: str | None = None


async def deliver(target: Target, message: Message, *, seconds: float = _SECONDS) -> None:
    """Raises NotDelivered. The message may have arrived all the same where the answer was lost."""
    try:
        url = target.url.reveal()
    except SecretUnavailable as failure:
        raise NotDelivered(str(failure)) from None
    wanted = {"url": url, "title": message.title, "body": message.body, "seconds": seconds}
    answer = await _asked(json.dumps(wanted), target.proxy, seconds + _GRACE)
    if not answer.get("delivered"):
        raise NotDelivered(str(answer.get("why") or "it was not taken"))


async def usable(target: Target, *, seconds: float = _SECONDS) -> str:
    """Why the address is none that Apprise can use, "" where it is; nobody is told anything. Raises NotDelivered where
    that could not be found out, SecretUnavailable.
    """
    wanted = {"url": target.url.reveal(), "only_look": True}
    answer = await _asked(json.dumps(wanted), target.proxy, seconds)
    return str(answer.get("why") or "")


async def _asked(wanted: str, proxy: str | None, patience: float) -> dict[str, Any]:
    try:
        # -P: a file of that name in the current folder is not ours to run. -W: Apprise imports what is deprecated.
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-W", "ignore", "-m", _SENDER),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment(proxy),
        )
    except OSError as failure:
        raise NotDelivered(f"no process could be started: {failure.strerror}") from None
    try:
        said, _ = await asyncio.wait_for(child.communicate(wanted.encode()), patience)
    except TimeoutError:
        raise NotDelivered(f"it took longer than {patience:g} seconds") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return _read(said)


def _read(said: bytes) -> dict[str, Any]:
    # Nothing of what was said is repeated: it is only known to be ours once it can be read.
    try:
        answer = json.loads(said)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise NotDelivered("the process that sends it broke")
    return answer


def environment(proxy: str | None) -> Mapping[str, str]:
    """Ours, with the proxy of the settings instead of another; by none go requests to this machine."""
    own = dict(os.environ)
    if proxy is not None:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            own.pop(name.upper(), None)
            own[name] = proxy
        own["no_proxy"] = own["NO_PROXY"] = "localhost,127.0.0.1,::1"
    return own
