"""The program of the child process that hands one message to Apprise: the only module that imports it.

On stdin comes one JSON object: `url`, `title`, `body`, `seconds`, or `url` and `only_look`. On stdout goes one:
`delivered`, and `why` where it was not. Apprise's own texts name hosts and repeat what servers said, so `why` is one of
a few sentences of ours.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from typing import Any

import apprise


def main() -> None:
    logging.getLogger("apprise").addHandler(logging.NullHandler())
    json.dump(_sent(json.load(sys.stdin)), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # else the interpreter waits for what Apprise gave up waiting for


def _sent(wanted: dict[str, Any]) -> dict[str, object]:
    # Without pictures from GitHub, keys made on the way, or files of Apprise's own.
    asset = apprise.AppriseAsset(
        app_id="sync-agent",
        app_desc="sync-agent",
        app_url="",
        image_url_mask="",
        image_path_mask="",
        async_mode=False,
        pgp_autogen=False,
        pem_autogen=False,
    )
    target = apprise.Apprise.instantiate(wanted["url"], asset=asset)
    if target is None:
        return {"delivered": False, "why": "it is no address that Apprise can use"}
    if wanted.get("only_look"):
        return {"delivered": False}
    sender = apprise.Apprise(target, asset=asset)
    result = sender.notify(
        title=wanted["title"], body=wanted["body"], body_format="text", timeout=float(wanted["seconds"])
    )
    if result:
        return {"delivered": True}
    if result.status is apprise.AppriseResultStatus.TIMEOUT:
        return {"delivered": False, "why": f"it took longer than {wanted['seconds']:g} seconds"}
    return {"delivered": False, "why": _why(" ".join(entry.message for entry in result.logs()))}


def _why(logged: str) -> str:
    if answered := re.search(r"\berror=(\d{3})\b", logged):
        return f"it answered {answered[1]}"
    return "it could not be reached" if "onnection error" in logged else "it was not taken"


if __name__ == "__main__":
    main()
