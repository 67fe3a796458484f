"""The pages of the running service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sync_agent.web.exposition import CONTENT_TYPE, exposition
from sync_agent.web.metrics import Watched, metrics
from sync_agent.web.server import Answer, Page, plain


def pages(watched: Callable[[], Watched], ailments: Callable[[], Sequence[str]]) -> Mapping[str, Page]:
    """``ailments``: why the service is not well, a sentence each."""

    def figures() -> Answer:
        return Answer(200, CONTENT_TYPE, exposition(metrics(watched())))

    def health() -> Answer:
        found = ailments()
        return plain(503, "".join(f"{each}\n" for each in found)) if found else plain(200, "ok\n")

    return {"/metrics": figures, "/healthz": health}
