"""The table of all that `sync-agent check` can find: messages, remedies and docs/troubleshooting.md come from it.

A fault that has `follows` is not told where one of those is found of the same account or host. Words in braces are
filled in; Entra's own errors take theirs from the table of microsoft365/entra_errors.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from sync_agent.check.finding import Area, Entry, Finding, Level

_E, _W, _OK = Level.ERROR, Level.WARNING, Level.OK
_SIGN_IN_MESSAGE, _SIGN_IN_REMEDY = "Account {account} cannot sign in: {means}.", "{todo}."

NO_ANSWER = (
    "names_unresolved",
    "host_unknown",
    "connection_refused",
    "no_answer",
    "connection_broken",
    "tls_untrusted",
    "tls_expired",
    "tls_wrong_host",
    "tls_failed",
    "ca_bundle_unusable",
    "proxy_unknown",
    "proxy_refused",
    "proxy_denied",
    "not_microsofts",
    "service_failing",
    "throttled",
)
"""Whatever is not known because of these is not told besides."""


def _entra(id_: str, *numbers: int, follows: tuple[str, ...] = ()) -> Entry:
    return Entry(id_, _E, Area.SIGN_IN, _SIGN_IN_MESSAGE, _SIGN_IN_REMEDY, follows, numbers)


_SETTINGS = (
    Entry("settings_right", _OK, Area.SETTINGS, "{file} can be read, with {accounts}."),
    Entry(
        "settings_wrong",
        _E,
        Area.SETTINGS,
        "{problem}.",
        "Correct it there; docs/settings.md explains every setting.",
    ),
    Entry(
        "settings_unreadable",
        _E,
        Area.SETTINGS,
        "The settings cannot be read: {file}: {why}.",
        "Name the file by --settings FILE or the environment variable SYNC_AGENT_SETTINGS; where there is none yet, "
        "make one: sync-agent init.",
    ),
    Entry(
        "key_unavailable",
        _E,
        Area.SETTINGS,
        "The key of the encrypted secrets cannot be had: {why}.",
        "Put it where secrets.key says it is (left out: $SYNC_AGENT_KEY), or encrypt the secrets with a new one: "
        "sync-agent secret new-key.",
    ),
    Entry(
        "secret_unavailable",
        _E,
        Area.SETTINGS,
        "The secret cannot be had: {why}.",
        "Put the secret where the setting says it is, or change the reference.",
        ("key_unavailable",),
    ),
    Entry(
        "next_secret_unavailable",
        _W,
        Area.SETTINGS,
        "The next secret cannot be had: {why}. Nothing takes over when client_secret ends.",
        "Put the secret where the setting says it is, change the reference, or remove the setting until there is one.",
        ("key_unavailable",),
    ),
    Entry(
        "secret_in_plain",
        _W,
        Area.SETTINGS,
        "The secret itself stands in the settings.",
        "Keep it elsewhere and refer to it: ${{file:/path}}, ${{env:NAME}}, ${{credential:name}} or "
        "${{keyring:service/name}}.",
    ),
    Entry(
        "setting_without_effect",
        _W,
        Area.SETTINGS,
        "The setting has no effect: nothing uses it.",
        "Remove it, or set what it belongs to: docs/settings.md says what that is.",
    ),
)

_NETWORK = (
    Entry("hosts_reached", _OK, Area.NETWORK, "{host} answers, and its certificate is trusted."),
    Entry(
        "names_unresolved",
        _E,
        Area.NETWORK,
        "No name can be resolved: {hosts}.",
        "See that this machine is on the network and has name servers that answer; where only a proxy leads out, set "
        "proxy: or HTTPS_PROXY.",
    ),
    Entry(
        "host_unknown",
        _E,
        Area.NETWORK,
        "The name of {host} cannot be resolved.",
        "Check {setting}, and the name servers of this machine; where only a proxy leads out, set proxy: or "
        "HTTPS_PROXY.",
    ),
    Entry(
        "connection_refused",
        _E,
        Area.NETWORK,
        "{host} cannot be connected to: {why}.",
        "Check host and port in {setting}, and that the firewall lets this machine out to {host}.",
    ),
    Entry(
        "no_answer",
        _E,
        Area.NETWORK,
        "{host} does not answer in time.",
        "Let the firewall pass connections from this machine to {host}; where only a proxy leads out, set proxy: or "
        "HTTPS_PROXY.",
    ),
    Entry(
        "connection_broken",
        _E,
        Area.NETWORK,
        "{host} ends the connection without an answer.",
        "Firewalls that inspect traffic do that: have {host} excepted there.",
    ),
    Entry(
        "tls_untrusted",
        _E,
        Area.NETWORK,
        "The certificate of {host} is not trusted: {why}.",
        "If a proxy inspects TLS, have {host} excepted, or add the proxy's CA to this machine's certificates "
        "(SSL_CERT_FILE); for a cloud under clouds: name its CA as ca_bundle:.",
        ("ca_bundle_unusable",),
    ),
    Entry(
        "tls_expired",
        _E,
        Area.NETWORK,
        "The certificate of {host} is outside its time: {why}.",
        "Check this machine's clock first; if it is right, whoever runs {host}, or the proxy that inspects TLS, has to "
        "renew the certificate.",
    ),
    Entry(
        "tls_wrong_host",
        _E,
        Area.NETWORK,
        "The certificate of {host} is another host's: {why}.",
        "Check {setting}; if it is right, a name server or a proxy leads to another machine.",
    ),
    Entry(
        "tls_failed",
        _E,
        Area.NETWORK,
        "No TLS connection comes about with {host}: {why}.",
        "Check host and port in {setting}; if they are right, what inspects TLS in between has to let TLS 1.2 pass.",
    ),
    Entry(
        "ca_bundle_unusable",
        _E,
        Area.NETWORK,
        "The file {file} cannot be used: {why}.",
        "Name a PEM file with the certificates of the CA, which the service may read.",
    ),
    Entry(
        "proxy_unusable",
        _E,
        Area.NETWORK,
        "HTTPS_PROXY in the environment names no proxy that can be used.",
        "Write it as http://proxy.contoso.com:8080, or set proxy: in the settings, which goes before it.",
    ),
    Entry(
        "proxy_unknown",
        _E,
        Area.NETWORK,
        "The name of the proxy cannot be resolved: {why}.",
        "Correct proxy: in the settings, or HTTPS_PROXY in the environment.",
    ),
    Entry(
        "proxy_refused",
        _E,
        Area.NETWORK,
        "The proxy cannot be connected to: {why}.",
        "Check host and port of proxy: (or HTTPS_PROXY), and that the proxy runs.",
    ),
    Entry(
        "proxy_denied",
        _E,
        Area.NETWORK,
        "The proxy does not let us through to {host}: {why}.",
        "For 407 put name and password into proxy: (http://name:password@proxy:8080); else have {host} allowed there.",
    ),
    Entry(
        "not_microsofts",
        _E,
        Area.NETWORK,
        "{host} answers, but not as Microsoft does: {why}.",
        "A proxy or a sign-in page is in between: sign in there, or have {host} excepted; check {setting}.",
    ),
    Entry(
        "service_failing",
        _E,
        Area.NETWORK,
        "{host} fails at the moment: {why}.",
        "Nothing to do here: try again later; status.cloud.microsoft tells of outages.",
    ),
    Entry(
        "throttled",
        _W,
        Area.NETWORK,
        "{host} wants fewer requests at the moment: {why}.",
        "Try again in a few minutes; if it goes on, see what else uses the same app registration, and lower "
        "pacing.share.",
    ),
    Entry("clock_right", _OK, Area.NETWORK, "This machine's clock is right, to {seconds} s."),
    Entry(
        "clock_off",
        _E,
        Area.NETWORK,
        "This machine's clock is {minutes} minutes {way} {host}: sign-ins fail, and times are wrong.",
        "Set the clock, and have it kept by time synchronisation (chrony, systemd-timesyncd, w32time).",
    ),
    Entry(
        "clock_drifts",
        _W,
        Area.NETWORK,
        "This machine's clock is {seconds} s {way} {host}.",
        "Have it kept by time synchronisation (chrony, systemd-timesyncd, w32time): from five minutes on sign-ins "
        "fail.",
    ),
)

_SIGN_IN = (
    Entry("signed_in", _OK, Area.SIGN_IN, "Account {account} signs in (auth: {auth})."),
    _entra("secret_wrong", 7000215),
    _entra("secret_expired", 7000222),
    Entry(
        "next_secret_in_use",
        _W,
        Area.SIGN_IN,
        "{what}.",
        "Move that secret to client_secret, and make a new next one: when this one ends, nothing takes over.",
    ),
    Entry(
        "secret_expires_soon",
        _W,
        Area.SIGN_IN,
        "The client secret of account {account} ends on {date}.",
        "Make a new secret in the app registration before then, and put its value where the setting refers to.",
    ),
    Entry(
        "certificate_unusable",
        _E,
        Area.SIGN_IN,
        "Account {account} cannot sign in: {why}.",
        "Name a PEM or PFX file that holds an RSA key with its certificate, and its password: where it has one.",
    ),
    Entry(
        "certificate_expired",
        _E,
        Area.SIGN_IN,
        "The certificate of account {account} expired on {date}.",
        "Make a new certificate and upload it to the app registration (docs/getting-started.md, step 4).",
        ("clock_off",),
    ),
    Entry(
        "certificate_not_yet_valid",
        _E,
        Area.SIGN_IN,
        "The certificate of account {account} is valid from {date} on only.",
        "Check this machine's clock; if it is right, wait, or make a certificate that is valid today.",
        ("clock_off",),
    ),
    Entry(
        "certificate_expires_soon",
        _W,
        Area.SIGN_IN,
        "The certificate of account {account} expires on {date}.",
        "Make a new certificate before then and upload it to the app registration; the old one may stay beside it.",
    ),
    Entry(
        "key_file_open",
        _W,
        Area.SIGN_IN,
        "{file}, the key of account {account}, may be read by other users of this machine (mode {mode}).",
        "chmod 600 {file}",
    ),
    _entra("certificate_not_registered", 700027),
    _entra("assertion_outside_its_time", 700024, follows=("clock_off",)),
    _entra("federated_credential_unfit", 50027, 70021, 700211, 700212, 700213, 70025),
    _entra("tenant_unknown", 90002, 900023, 50059, 90019),
    _entra("app_unknown", 700016, 7000229, 70001, 700019),
    _entra("app_disabled", 7000112),
    _entra("public_client_flows_off", 7000218),
    _entra("consent_missing", 65001, 90094, 90095, 90099),
    _entra("service_not_in_registration", 650057, 70011, 650053, 650056),
    _entra("service_not_in_tenant", 500011, 50001, 500014, 650052),
    Entry(
        "nobody_signed_in",
        _E,
        Area.SIGN_IN,
        "Nobody has signed in to account {account}.",
        "Run: sync-agent login {account}",
    ),
    _entra(
        "sign_in_ended",
        50173,
        50132,
        50133,
        700082,
        70008,
        70043,
        50078,
        50055,
        50056,
        50135,
        50144,
        50058,
        50089,
        16000,
    ),
    _entra("mfa_needed", 50076, 50079, 50158, 50072, 50074, 53004, 500121),
    _entra("conditional_access", 53000, 53001, 53002, 53003, 530032, 50097, 50129, 50131, 530003, 530004),
    _entra("person_disabled", 50057, 50053, 53011),
    _entra("person_unknown", 50034, 50020, 51004, 90072, 500341),
    _entra("person_not_assigned", 50105),
    Entry(
        "managed_identity_missing",
        _E,
        Area.SIGN_IN,
        "Account {account} cannot sign in: {why}.",
        "Run the service on the Azure machine that has the identity, and assign it there (docs/sign-in.md); elsewhere "
        "use auth: certificate.",
    ),
    Entry(
        "token_of_other_tenant",
        _E,
        Area.SIGN_IN,
        "Account {account} is for tenant {wanted}, but its token is of tenant {got}.",
        "Correct tenant_id; by device code, sign in with a user of the account's own tenant.",
    ),
    Entry(
        "sign_in_refused",
        _E,
        Area.SIGN_IN,
        "Account {account} cannot sign in: {why}.",
        "Look the number up at https://login.microsoftonline.com/error, and in the sign-in log of the Entra admin "
        "centre.",
    ),
    Entry(
        "sign_in_impossible",
        _E,
        Area.SIGN_IN,
        "Account {account} cannot sign in: {why}.",
        "docs/sign-in.md says what each way of signing in needs.",
        ("key_unavailable",),
    ),
    Entry(
        "sign_in_unanswered",
        _E,
        Area.SIGN_IN,
        "Account {account} got no answer to its sign-in: {why}.",
        "Try again; if it stays so, look for what is between this machine and {host}.",
        NO_ANSWER,
    ),
)

_PERMISSIONS = (
    Entry("permissions_right", _OK, Area.PERMISSIONS, "Account {account} may read {what}: tried with a request each."),
    Entry(
        "users_not_permitted",
        _E,
        Area.PERMISSIONS,
        "The app of account {account} may not read users: {why}.",
        "Give its registration the {kind} permission User.Read.All of Microsoft Graph, and grant admin consent.",
    ),
    Entry(
        "presence_not_permitted",
        _E,
        Area.PERMISSIONS,
        "The app of account {account} may not read presence: {why}.",
        "Give its registration the {kind} permission Presence.Read.All of Microsoft Graph, and grant admin consent.",
    ),
    Entry(
        "site_permission_missing",
        _E,
        Area.PERMISSIONS,
        "The app of account {account} has no permission that opens a site in {service}.",
        "Give its registration the {kind} permission Sites.Selected of {service}, grant admin consent, and grant it "
        "the one site (docs/getting-started.md, step 5).",
    ),
    Entry(
        "permission_without_effect",
        _E,
        Area.PERMISSIONS,
        "The token of account {account} says that it may read {what}, and it is refused all the same: {why}.",
        "After a consent wait some minutes; else look whether a policy of the tenant holds this app back.",
    ),
    Entry(
        "too_much_permission",
        _W,
        Area.PERMISSIONS,
        "The app of account {account} may do more than the service needs: {permissions}.",
        "Take these permissions from its registration; {enough} are enough.",
    ),
    Entry(
        "domains_not_known",
        _E,
        Area.PERMISSIONS,
        "Account {account} may not ask for its tenant's domains, and looking them up is off.",
        "Name them as domains: of the account, give its app Organization.Read.All, or set validation.domain_lookup: "
        "true.",
    ),
    Entry(
        "no_presence_in_cloud",
        _W,
        Area.PERMISSIONS,
        "The cloud {cloud} of account {account} offers no presence: the list shows none for its users.",
        "Nothing can be set for that; UPNs are checked all the same.",
    ),
    Entry(
        "not_answered",
        _E,
        Area.PERMISSIONS,
        "Whether account {account} may read {what} could not be found out: {why}.",
        "Try again; if it stays so, keep the request's id for Microsoft's support.",
        NO_ANSWER,
    ),
)

_UNWRITABLE = (
    "columns_missing",
    "column_wrong_type",
    "choices_missing",
    "column_read_only",
    "column_required",
    "column_unique",
    "column_validated",
    "list_validated",
)
_UNREAD = ("list_empty", "upn_column_blank")

_LIST = (
    Entry("list_ready", _OK, Area.LIST, 'The list "{list}" has every column that is needed.'),
    Entry(
        "rest_needs_certificate",
        _E,
        Area.LIST,
        "SharePoint's own API refuses account {account}: it takes no token that was got with a client secret.",
        "Give the account a certificate (auth: certificate), or set sharepoint.api: graph.",
    ),
    Entry(
        "site_not_found",
        _E,
        Area.LIST,
        "There is no site {site}, or account {account} is not told of it.",
        "Open the list in a browser, and copy its address up to the site's name.",
    ),
    Entry(
        "site_not_granted",
        _E,
        Area.LIST,
        "Account {account} may not open the site {site}: {why}.",
        "Grant its app the role write (manage for provision) on this site: docs/getting-started.md, step 5.",
        ("site_permission_missing",),
    ),
    Entry(
        "list_not_found", _E, Area.LIST, 'The site has no list "{list}".', "{near} Name it as sharepoint.agent_list."
    ),
    Entry(
        "list_not_answered",
        _E,
        Area.LIST,
        'The list "{list}" could not be looked at: {why}.',
        "Try again; if it stays so, keep the request's id for Microsoft's support.",
        NO_ANSWER,
    ),
    Entry(
        "upn_column_missing",
        _E,
        Area.LIST,
        'The list "{list}" has no column "{column}".',
        "{near} Name the column with the sign-in names as sharepoint.columns.upn.",
    ),
    Entry(
        "upn_column_wrong_type",
        _E,
        Area.LIST,
        'The column "{column}" is of type {kind}: UPNs are read from a single line of text.',
        "Name another column as sharepoint.columns.upn, or make one and copy the sign-in names into it.",
    ),
    Entry(
        "upn_column_blank",
        _W,
        Area.LIST,
        'No row of the list "{list}" has a sign-in name in the column "{column}".',
        "Is it the right column? See sharepoint.columns.upn.",
        ("list_empty",),
    ),
    Entry(
        "upn_not_indexed",
        _W,
        Area.LIST,
        'The list "{list}" has over 5,000 rows, and its column "{column}" has no index: programs that look an agent up '
        "by UPN are refused.",
        "List settings, Indexed columns: create an index for this column.",
    ),
    Entry(
        "name_column_missing",
        _E,
        Area.LIST,
        'The list "{list}" has no column "{column}".',
        "{near} Name the column with the agents' names as sharepoint.columns.name.",
    ),
    Entry(
        "name_column_wrong_type",
        _E,
        Area.LIST,
        'The column "{column}" is of type {kind}, which holds no plain text.',
        "Name a column of text, such as Title, as sharepoint.columns.name.",
    ),
    Entry(
        "team_column_unreadable",
        _W,
        Area.LIST,
        "Reports have no teams: {why}.",
        "Name another column as sharepoint.columns.team, or none.",
    ),
    Entry(
        "column_ambiguous",
        _E,
        Area.LIST,
        'The list "{list}" shows several columns as "{column}".',
        "Name one by its internal name: {near}.",
    ),
    Entry(
        "column_shared",
        _E,
        Area.LIST,
        'The column "{column}" is named for two things: {roles}.',
        "Give each a column of its own under sharepoint.columns.",
    ),
    Entry(
        "columns_missing",
        _E,
        Area.LIST,
        'The list "{list}" lacks columns of the service: {columns}.',
        "Run: sync-agent provision",
    ),
    Entry(
        "provision_unfinished",
        _W,
        Area.LIST,
        'Of what sync-agent provision makes, the list "{list}" lacks: {what}.',
        "Run: sync-agent provision (docs/provision.md says what each is for). It says why where something is refused.",
    ),
    Entry(
        "column_wrong_type",
        _E,
        Area.LIST,
        'The column "{column}" is of type {kind}, but the service needs {needed}.',
        "Delete it and run sync-agent provision, or name another one under sharepoint.columns.",
    ),
    Entry(
        "choices_missing",
        _E,
        Area.LIST,
        'The column "{column}" lacks the choice {choices}.',
        "Column settings: add it to the choices, written exactly so.",
    ),
    Entry(
        "column_read_only",
        _E,
        Area.LIST,
        'The column "{column}" is read-only: the service cannot write it.',
        "Have whoever made it so take that back, or delete it and run sync-agent provision.",
    ),
    Entry(
        "column_required",
        _E,
        Area.LIST,
        'The column "{column}" requires a value, but the service has to be able to empty it.',
        "Column settings: “Require that this column contains information”: No.",
    ),
    Entry(
        "column_unique",
        _E,
        Area.LIST,
        'The column "{column}" takes each value once only: a second row with the same would be refused.',
        "Column settings: “Enforce unique values”: No.",
    ),
    Entry(
        "column_validated",
        _W,
        Area.LIST,
        'The column "{column}" has a validation formula, which may refuse what the service writes.',
        "Column settings, Column validation: remove the formula.",
    ),
    Entry(
        "list_validated",
        _W,
        Area.LIST,
        'The list "{list}" has a validation formula: rows that do not keep it cannot be written.',
        "List settings, Validation settings: remove the formula, or see that every row keeps it.",
    ),
    Entry(
        "content_approval",
        _W,
        Area.LIST,
        'The list "{list}" wants its items approved: a row that the service writes may be hidden until somebody does.',
        "List settings, Versioning settings: “Require content approval”: No.",
    ),
    Entry(
        "required_elsewhere",
        _W,
        Area.LIST,
        "Columns of people require a value that rows lack: {columns}. SharePoint may refuse to save such rows.",
        "Fill them in, or set “Require that this column contains information” to No in their settings.",
    ),
    Entry(
        "presence_makes_versions",
        _W,
        Area.LIST,
        'The list "{list}" keeps versions, and Graph cannot write without making one: presence would push people\'s '
        "edits out of the history within an hour.",
        "Give presence a list of its own (sharepoint.presence_list, docs/presence-list.md), give the account a "
        "certificate (sharepoint.api: rest), or switch versioning off for the list.",
    ),
    Entry(
        "own_list_missing",
        _E,
        Area.LIST,
        "What {setting} names is not ready: it lacks {lacking}.",
        "Run: sync-agent provision",
    ),
    Entry("own_list_unfit", _E, Area.LIST, "{why}", "Name another list as {setting}, or mend this one."),
    Entry(
        "list_empty",
        _W,
        Area.LIST,
        'The list "{list}" has no rows that account {account} may see.',
        "Is it the right list? See sharepoint.agent_list; rows with permissions of their own may be hidden from the "
        "app.",
    ),
    Entry("write_proven", _OK, Area.LIST, "Rows may be written: tried on one, so that nothing was saved."),
    Entry(
        "write_not_granted",
        _E,
        Area.LIST,
        'Account {account} may read the list "{list}" but not write it: {why}.',
        "Grant its app the role write on the site (docs/getting-started.md, step 5).",
    ),
    Entry(
        "write_refused",
        _E,
        Area.LIST,
        'A write to row {row} of the list "{list}" was refused: {why}.',
        "Open the row in a browser and save it: SharePoint then says there what is in the way.",
        _UNWRITABLE,
    ),
)

_REST = (
    Entry("domains_match", _OK, Area.DOMAINS, "The domains of the list's UPNs are those of the accounts."),
    Entry(
        "domain_without_account",
        _W,
        Area.DOMAINS,
        "{rows} rows have UPNs in {domain}, which is no account's domain{owner}.",
        "Add an account for that tenant, or correct those rows.",
        ("tenant_unknown", "token_of_other_tenant"),
    ),
    Entry(
        "account_without_rows",
        _W,
        Area.DOMAINS,
        "No row of the list has a UPN in a domain of account {account}{domains}.",
        "Is its tenant_id right, and do its people stand in this list? Else remove the account.",
        (*_UNREAD, "tenant_unknown", "token_of_other_tenant", "domain_without_account"),
    ),
    Entry("limits_suffice", _OK, Area.LIMITS, "Microsoft's limits suffice for {rows}."),
    Entry(
        "presence_limit_too_low",
        _W,
        Area.LIMITS,
        "Tenant {tenant} lets its presence be asked for every {held} s at most, not every {wanted} s.",
        "To keep the interval, {todo}.",
    ),
    Entry(
        "sharepoint_limit_too_low",
        _W,
        Area.LIMITS,
        "{what} let {percent} % too little through to write every change of presence while all agents work.",
        "To keep up, {todo}.",
    ),
    Entry(
        "budget_below_reading",
        _E,
        Area.LIMITS,
        "pacing.sharepoint_units_per_minute does not even suffice to read the list.",
        "Set it to what your tenant's licences give: 1200 up to 1,000 licences, 6000 above 50,000.",
    ),
    Entry(
        "day_nearly_spent",
        _W,
        Area.LIMITS,
        "Of the {units} of SharePoint's units of 24 hours that may be spent at once, {percent} % are spent: until they "
        "flow back, {an_hour} an hour are left for writing.",
        "See what wrote so much: sync-agent history. Where the tenant's limit is higher, set "
        "pacing.sharepoint_units_per_day.",
    ),
    Entry(
        "limit_set_too_high",
        _W,
        Area.LIMITS,
        "SharePoint names a limit of {stated} units a minute, but {set} are set.",
        "Set pacing.sharepoint_units_per_minute to {stated}.",
    ),
    Entry("machine_ready", _OK, Area.MACHINE, "{what}."),
    Entry(
        "database_unwritable",
        _E,
        Area.MACHINE,
        "The database cannot be made or written: {why}.",
        "Let the service's user write to that folder, or name another file as state.database.",
    ),
    Entry(
        "database_unavailable",
        _E,
        Area.MACHINE,
        "The database cannot be used: {why}.",
        "See that the database server runs and lets this user in, or correct state.database.",
    ),
    Entry(
        "database_damaged",
        _E,
        Area.MACHINE,
        "{file} is damaged or no database: {why}.",
        "Move it away to begin with a new one; only history is lost.",
    ),
    Entry(
        "database_newer",
        _E,
        Area.MACHINE,
        "The database is of a newer version of sync-agent ({found}; this one knows {known}).",
        "Use that version, or another database: only history is lost.",
    ),
    Entry(
        "tokens_unkept",
        _W,
        Area.MACHINE,
        "Tokens cannot be kept in {file}: {why}.",
        "Let the service's user write to that folder, or name another as state.tokens; else people sign in again after "
        "each restart.",
    ),
    Entry(
        "tokens_open",
        _W,
        Area.MACHINE,
        "{file}, where tokens are kept, may be read by other users of this machine (mode {mode}).",
        "chmod 700 {file}",
    ),
    Entry(
        "reports_unkept",
        _W,
        Area.MACHINE,
        "The scheduled report cannot be written to {file}: {why}.",
        "Let the service's user write to that folder, or name another as state.reports.",
    ),
    Entry(
        "disk_nearly_full",
        _W,
        Area.MACHINE,
        "Of the disk that holds {file} {free} MB are free.",
        "Make room, or name a file on another disk as state.database: a database that cannot grow keeps no history.",
    ),
    Entry(
        "port_in_use",
        _W,
        Area.MACHINE,
        "{listen} is taken by another program: {lost}.",
        "End that program, or name another port as {setting}.",
    ),
    Entry(
        "address_not_here",
        _W,
        Area.MACHINE,
        "The service cannot listen at {listen} ({why}): {lost}.",
        "Name an address of this machine as {setting}, such as 127.0.0.1:8090.",
    ),
    Entry(
        "notify_secret_unavailable",
        _W,
        Area.MACHINE,
        "The address of those who are told cannot be had: {why}.",
        "Put it where the setting says it is, or change the reference.",
        ("key_unavailable",),
    ),
    Entry(
        "notify_url_unusable",
        _W,
        Area.MACHINE,
        "Nobody can be told: {why}.",
        "Write it as Apprise has it: docs/notifications.md has examples.",
    ),
    Entry(
        "service_unwell",
        _W,
        Area.MACHINE,
        "The running service says that it is not well: {why}.",
        "Its log says more, and docs/metrics.md what each sentence means.",
    ),
    Entry(
        "too_slow",
        _E,
        Area.NETWORK,
        "Looking at {what} took longer than {seconds} s and was given up.",
        "Try again when the network or Microsoft 365 is less busy; docs/performance.md says what requests take.",
        NO_ANSWER,
    ),
)

TABLE: Mapping[str, Entry] = {
    entry.id: entry for entry in (*_SETTINGS, *_NETWORK, *_SIGN_IN, *_PERMISSIONS, *_LIST, *_REST)
}
FAULTS: Mapping[str, Entry] = {id_: entry for id_, entry in TABLE.items() if entry.level is not Level.OK}
BY_NUMBER: Mapping[int, str] = {number: entry.id for entry in TABLE.values() for number in entry.numbers}


def found(id_: str, subject: str, *about: str, **values: object) -> Finding:
    """One finding of the table. ``about``: the accounts and hosts that it concerns."""
    return TABLE[id_].found(subject, *about, **values)
