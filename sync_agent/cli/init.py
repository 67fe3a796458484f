"""`sync-agent init`: a few questions, each answer tried live, and a commented settings file of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from sync_agent import log
from sync_agent.cli.asking import Asker, at_terminal
from sync_agent.cli.init_account import AccountQuestions, Chosen
from sync_agent.cli.init_credential import placed
from sync_agent.cli.init_list import ChosenList, ListQuestions
from sync_agent.microsoft365.code_offers import Prompt
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.settings import CLOUDS, Endpoints, Settings
from sync_agent.settings.addresses import Url
from sync_agent.settings.values import Name
from sync_agent.setup.draft import CloudDraft, Draft
from sync_agent.setup.placing import Occupied, place
from sync_agent.setup.rendering import settings_text
from sync_agent.setup.trial import Trial

_MOST_DOMAINS = 20
_WORTH_ASKING = 0.05
"""Of the rows: a tenant that has fewer of them is more likely a mistake in a row than a tenant of the company."""
_OPTIONS = (
    ("tenant", "DOMAIN", "A domain of the tenant with the Agent list, or its id."),
    ("id", "NAME", "What to call the account.  [default: the domain]"),
    ("auth", "WAY", "client_secret, certificate, device_code, managed_identity or workload_identity."),
    ("client-id", "ID", "Application (client) ID of the app registration."),
    ("client-secret", "REFERENCE", "Where the secret is: ${env:NAME}, ${file:PATH}, …; never the secret itself."),
    ("certificate", "FILE", "The certificate with its key, PEM or PFX."),
    ("certificate-password", "REFERENCE", "Where its password is, as for --client-secret."),
    ("token-file", "FILE", "For workload_identity, where the platform does not say it."),
    ("site", "URL", "The address of the site with the Agent list."),
    ("list", "TITLE", "The Agent list's title or id."),
    ("upn-column", "NAME", "The column with the UPNs."),
    ("name-column", "NAME", "The column with the agent's name.  [default: Title]"),
    ("cloud", "NAME", "usgov, usgov_dod, china, or a name of your own with the three below.  [default: global]"),
    ("authority", "URL", "Of a cloud of your own: where Entra is."),
    ("graph", "URL", "Of a cloud of your own: where Graph is."),
    ("ca-bundle", "FILE", "Of a cloud of your own: certificates to trust besides the usual ones."),
)
_NEEDED = {
    "client_secret": ("client-id", "client-secret"),
    "certificate": ("client-id", "certificate"),
    "device_code": ("client-id",),
    "workload_identity": ("client-id",),
}


def _with_options(command: click.decorators.FC) -> click.decorators.FC:
    for name, metavar, words in reversed(_OPTIONS):
        command = click.option(f"--{name}", metavar=metavar, help=words)(command)
    return command


@click.command()
@_with_options
@click.option("--force", is_flag=True, help="Overwrite settings that are there.")
@click.option("--keep", is_flag=True, help="Without a terminal: write the settings even where a trial fails.")
@click.pass_obj
def init(settings_path: Path, /, force: bool, keep: bool, **options: str | None) -> None:
    """Ask a few questions, try each answer live, and write a commented settings file where --settings says.

    What an option says is not asked. Without a terminal nothing is asked: a missing answer is wrong usage. Relative
    paths start from the folder of the settings file. Until the end nothing is written.

    Exit: 0 written, 1 a trial failed (without --keep) or it was stopped, 2 wrong usage.
    """
    given = {name.replace("_", "-"): value for name, value in options.items()}
    asker = Asker(given, terminal=at_terminal(), keep=keep)
    if settings_path.is_dir():
        raise click.UsageError(f"{settings_path} is a folder; --settings names the file to write.")
    there = settings_path.exists()
    if there and not force:
        if not asker.terminal:
            raise click.UsageError(f"{settings_path} exists already; --force overwrites it, --settings names another.")
        click.confirm(f"{settings_path} exists already. Overwrite it, once all is answered?", abort=True)
    if not asker.terminal and (missing := _missing(given)):
        raise click.UsageError(f"Nobody is at a terminal to be asked, so these are needed: {', '.join(missing)}.")
    log.configure("console", "error")
    folder = settings_path.absolute().parent
    with ExitStack() as undone:
        draft, secrets, persons = _questions(asker, folder, undone)
        for file, secret in secrets.items():
            _keep(file, secret, undone)
        settings = _placed(settings_path, draft, overwrite=there or force)
        undone.pop_all()
    _say_next(settings_path, settings, persons)


def _missing(given: Mapping[str, str | None]) -> list[str]:
    needed = ["tenant", "auth", *_NEEDED.get(given["auth"] or "", ()), "site", "list", "upn-column"]
    if (given["cloud"] or "global") not in CLOUDS:
        needed += ["authority", "graph"]
    return [f"--{name}" for name in needed if given[name] is None]


def _questions(asker: Asker, folder: Path, undone: ExitStack) -> tuple[Draft, dict[Path, str], list[str]]:
    """The draft, secrets by the file that each is to be kept in, and accounts to which a person has yet to sign in."""
    cloud, own, endpoints = _cloud(asker, folder)
    with asyncio.Runner() as runner, _trial(runner, endpoints) as trial:
        accounts = AccountQuestions(asker, trial, runner, folder, cloud, undone)
        home = accounts.ask([])
        agents = ListQuestions(asker, trial, runner, home.draft.id, home.tried is not None).ask()
        chosen = [home, *_others(accounts, home, agents)]
    drafts = tuple(each.draft for each in chosen)
    secrets = {each.credential.file: each.credential.typed for each in chosen if each.credential.file is not None}
    persons = [each.draft.id for each in chosen if each.draft.auth == "device_code" and each.tried is None]
    return Draft(agents.site, drafts, own), secrets, persons


def _cloud(asker: Asker, folder: Path) -> tuple[str, tuple[CloudDraft, ...], Endpoints]:
    name = asker.value("cloud", "", Name, "global") if asker.has("cloud") else "global"
    if name in CLOUDS:
        return name, (), CLOUDS[name]
    authority = asker.value("authority", f"Where Entra of the cloud {name} is", Url)
    graph = asker.value("graph", f"Where Graph of the cloud {name} is", Url, authority if asker.terminal else "")
    bundle = asker.checked("ca-bundle", "", lambda text: placed(text, folder)) if asker.has("ca-bundle") else ""
    endpoints = Endpoints(authority, graph, instance_discovery=False, ca_bundle=folder / bundle if bundle else None)
    return name, (CloudDraft(name, authority, graph, bundle),), endpoints


@contextmanager
def _trial(runner: asyncio.Runner, endpoints: Endpoints) -> Iterator[Trial]:
    async def opened() -> Trial:
        return Trial(endpoints, _show)

    try:
        trial = runner.run(opened())
    except ServiceError as error:
        raise click.UsageError(f"{error.reason}.") from None
    try:
        yield trial
    finally:
        runner.run(trial.aclose())


def _show(prompt: Prompt) -> None:
    click.echo(f"  Open {prompt.address} and enter {prompt.code}; sign in with a user of tenant {prompt.tenant}.")


def _others(accounts: AccountQuestions, home: Chosen, agents: ChosenList) -> list[Chosen]:
    """Accounts for other tenants that the list's UPNs are of, as far as somebody wants to add them now."""
    asker, chosen = accounts.asker, list[Chosen]()
    for tenant, domains in _foreign(accounts, home, agents).items():
        name = accounts.runner.run(accounts.trial.names(home.draft.id, [tenant])).get(tenant, tenant)
        rows = sum(agents.domains[domain] for domain in domains)
        of_them = f"{rows:,} of the rows looked at {'is' if rows == 1 else 'are'} in {', '.join(domains)}"
        if rows < _WORTH_ASKING * agents.domains.total():
            asker.say(f"  {of_them}: another tenant, {name}. A mistake, or else it needs an account of its own.")
            continue
        asker.say(f"  {of_them}: another tenant, {name}. It needs an account of its own.")
        if asker.agrees("Add it now?", default=True):
            taken = [home.draft.id, *(each.draft.id for each in chosen)]
            chosen.append(accounts.ask(taken, tenant, domains[0]))
    return chosen


def _foreign(accounts: AccountQuestions, home: Chosen, agents: ChosenList) -> dict[str, list[str]]:
    """The domains by tenant; what nobody has, or could not be asked, is left to `sync-agent check`."""
    if home.tried is None:
        return {}
    known = home.tried.domains or frozenset()
    strange = [domain for domain, _ in agents.domains.most_common() if domain not in known]
    found: dict[str, list[str]] = {}
    for domain in strange[:_MOST_DOMAINS]:
        owner = accounts.runner.run(accounts.trial.owner(domain))
        if isinstance(owner, str) and owner != home.draft.tenant_id:
            found.setdefault(owner, []).append(domain)
    return found


def _placed(path: Path, draft: Draft, *, overwrite: bool) -> Settings:
    try:
        return place(path, settings_text(draft, "`sync-agent init`"), overwrite=overwrite)
    except Occupied:
        raise click.UsageError(f"{path} has appeared meanwhile and was left alone; --force overwrites it.") from None


def _keep(file: Path, secret: str, undone: ExitStack) -> None:
    """Readable by its owner only, from the first byte on. A file that has appeared meanwhile is left alone."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        undone.callback(file.unlink, missing_ok=True)
        opened.write(f"{secret}\n")


def _say_next(path: Path, settings: Settings, persons: list[str]) -> None:
    place_ = "" if path == Path("settings.yaml") else f" --settings {path}"
    click.echo(f"\nWritten: {path}.")
    if settings.plain_secrets():
        click.echo("A secret stands in it as it is, so it is its owner's alone; do not commit it.")
    click.echo("Next:\n")
    for command in (*(f"login {id_}" for id_ in persons), "check", "provision", "sync --dry-run", "sync", "run"):
        click.echo(f"  sync-agent{place_} {command}")
