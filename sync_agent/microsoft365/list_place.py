"""Where the settings say the Agent list is, and what to tell the operator when it is not there."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from sync_agent.microsoft365.columns import ColumnNames
from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.list_answers import ListProblem, near

_GUID = re.compile(r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)


def list_id(wanted: str) -> str | None:
    """The id, if a list is named by its id rather than its title."""
    match = _GUID.fullmatch(wanted.strip())
    return match[1].lower() if match else None


class NoSuchList(ListProblem):
    """The site has no list of the name or id that the setting gives."""


@dataclass(frozen=True, slots=True)
class Place:
    """``account``: whose credentials open the site; ``rest_by_secret``: whether that is SharePoint REST,
    with a client secret. ``setting`` says ``wanted``.
    """

    site_url: str
    wanted: str
    names: ColumnNames
    account: str
    rest_by_secret: bool = False
    setting: str = "sharepoint.agent_list"

    @property
    def origin(self) -> str:
        parts = urlsplit(self.site_url)
        return f"{parts.scheme}://{parts.netloc}"

    def no_site(self) -> ListProblem:
        return ListProblem(
            f"sharepoint.site_url: there is no site {self.site_url} (or the account {self.account} is not told of it). "
            "Open the list in a browser and copy its address up to the site's name."
        )

    def no_list(self, existing: Collection[str]) -> NoSuchList:
        return NoSuchList(
            f'{self.setting}: the site {self.site_url} has no list "{self.wanted}". {near(self.wanted, existing)}'
        )

    def explained(self, error: ServiceError, *, creating: str = "") -> Exception:
        """A refusal with what to do about it: a setting that cannot be right, or a permission, which may yet come.

        ``creating``: what was to be made, "columns" say.
        """
        if not isinstance(error, Refused) or error.status not in {401, 403}:
            return error
        if error.status == 401 and self.rest_by_secret:
            return ListProblem(
                f"SharePoint REST refuses the account {self.account}: it takes no token got with a client secret. "
                "Give the account a certificate (auth: certificate), or set sharepoint.api: graph."
            )
        if error.status == 401:
            return error
        what, role = (f"create {creating}", "manage") if creating else ("open the list", "write")
        reason = (
            f"The account {self.account} may not {what} in {self.site_url} ({error.reason}). Give its app the "
            f"permission Sites.Selected with admin consent, and the role {role} on this site"
        )
        return Refused(reason, status=error.status, code=error.code, message=error.message, request_id=error.request_id)
