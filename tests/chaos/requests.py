"""Which requests can be spoilt, by what they are about; and how large the list may be."""

from __future__ import annotations

FEWEST_LEFT, FEWEST_ROWS, MOST_ROWS = 8, 18, 26
"""Rows: after most of them vanished, after some were deleted one by one, and at most."""

REQUESTS = {
    "any": ".",
    "sign-in": "oauth2/v2.0/token",
    "discovery": "well-known",
    "users": r"/v1\.0/users",
    "users by name": r"userPrincipalName in",
    "changes of users": r"/users/delta",
    "mail addresses": "proxyAddresses",
    "recycle bin": "deletedItems",
    "organization": r"/organization",
    "presence": "getPresencesByUserId",
    "people": "getByIds",
    "graph batch": r"POST /v1\.0/\$batch",
    "list": r"/sites/",
    "list columns": r"/(columns|fields)",
    "rows": r"GET .*/items",
    "changes of rows": r"(delta|GetListItemChangesSinceToken|getchanges)",
    "writing": r"(PATCH|POST .*_api/\$batch|ValidateUpdateListItem|POST .*/items\(\d+\)$)",
    "approvals": r"(PATCH .*/items/\d+/fields|POST .*/items\(\d+\)$)",
    "list of anomalies": "(Agent anomalies|Agent%20anomalies)",
}
"""Whole requests and parts of batches."""
PAGES = (
    "any",
    "users",
    "users by name",
    "changes of users",
    "mail addresses",
    "recycle bin",
    "organization",
    "presence",
    "people",
    "list columns",
    "rows",
    "changes of rows",
    "list of anomalies",
)
"""Those whose answers can name nobody."""
