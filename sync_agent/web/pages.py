"""The pages of the running service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sync_agent.microsoft365.accounts import Prompt
from sync_agent.web.exposition import CONTENT_TYPE, exposition
from sync_agent.web.metrics import Watched, metrics
from sync_agent.web.server import Answer, Page, plain


def pages(
    watched: Callable[[], Watched],
    ailments: Callable[[], Sequence[str]],
    prompts: Callable[[], Sequence[Prompt]] | None = None,
) -> Mapping[str, Page]:
    """``ailments``: why the service is not well, a sentence each; ``prompts``: the device codes that can be entered."""

    def figures() -> Answer:
        return Answer(200, CONTENT_TYPE, exposition(metrics(watched())))

    def health() -> Answer:
        found = ailments()
        return plain(503, "".join(f"{each}\n" for each in found)) if found else plain(200, "ok\n")

    def sign_in() -> Answer:
        asked = [] if prompts is None else prompts()
        told = [
            f"Account {each.account}: {each.what_to_do}; good until {each.expires_at:%H:%M} UTC.\n" for each in asked
        ]
        return plain(200, "".join(told) or "Nobody has to sign in.\n")

    found = {"/metrics": figures, "/healthz": health}
    return found if prompts is None else {**found, "/sign-in": sign_in}
