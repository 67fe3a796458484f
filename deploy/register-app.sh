#!/usr/bin/env bash
# Registers an app for sync-agent in one tenant: see docs/register-app.md. Made to be run again: what is there stays.
set -euo pipefail

usage() {
  cat <<'TEXT'
register-app.sh [OPTION]...

Registers an app for sync-agent in the tenant that the Azure CLI is signed in to (az login --allow-no-subscriptions),
gives it the least permissions with admin consent, makes a certificate, opens the one site or list to it, and prints
what belongs into settings.yaml. Run it again at will: what is there stays, what is missing is added.

  --site-url URL        the site with the Agent list; left out: a tenant that has agents, but not the list
  --list TITLE          title of the Agent list (Agents)
  --grant site|list     open the whole site or the one list (site)
  --role ROLE           write, manage, owner or fullcontrol (manage: provision makes columns; write is enough then)
  --api rest|graph      the API that the list is read and written by (rest)
  --auth WAY            certificate or device_code (certificate)
  --certificate FILE    key and certificate; made where it is not there (sync-agent.pem)
  --days N              how long a certificate that is made is good for (730)
  --optional NAME       an optional permission besides; may be repeated: Organization.Read.All, Application.Read.All,
                        CrossTenantInformation.ReadBasic.All
  --name NAME           display name of the registration (sync-agent)
  --client-id ID        use this registration, whoever made it
  --tenant ID           stop unless signed in to this tenant
  --account ID          id of the account in settings.yaml (the tenant's default domain)
  --cloud usgov_dod     a cloud that the Azure CLI cannot tell from usgov
  --wait SECONDS        between two looks for what Entra has just made (5)

Exit codes: 0 done · 1 failed, run it again · 2 wrong usage · 3 all done but opening the site or list
TEXT
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }
misused() { say "error: $*"; say "register-app.sh --help says how it is used."; exit 2; }

site_url='' list=Agents grant=site role=manage api=rest auth=certificate certificate=sync-agent.pem days=730
optional='' name=sync-agent client_id='' tenant='' account='' cloud='' pause=5
one_of() {
  case " $3 " in *" $2 "*) ;; *) misused "$1 is \"$2\"; it can be: $3" ;; esac
}
while [ $# -gt 0 ]; do
  case $1 in -h | --help) usage; exit 0 ;; esac
  [ $# -ge 2 ] || misused "$1 needs a value"
  case $1 in
    --site-url) site_url=${2%/} ;;
    --list) list=$2 ;;
    --grant) one_of "$1" "$2" 'site list'; grant=$2 ;;
    --role) one_of "$1" "$2" 'write manage owner fullcontrol'; role=$2 ;;
    --api) one_of "$1" "$2" 'rest graph'; api=$2 ;;
    --auth) one_of "$1" "$2" 'certificate device_code'; auth=$2 ;;
    --certificate) certificate=$2 ;;
    --days) case $2 in '' | *[!0-9]*) misused "--days is a number of days" ;; esac; days=$2 ;;
    --optional)
      one_of "$1" "$2" 'Organization.Read.All Application.Read.All CrossTenantInformation.ReadBasic.All'
      optional="$optional $2" ;;
    --name) name=$2 ;;
    --client-id) client_id=$2 ;;
    --tenant) tenant=$2 ;;
    --account) account=$2 ;;
    --cloud) one_of "$1" "$2" 'usgov_dod'; cloud=$2 ;;
    --wait) case $2 in '' | *[!0-9]*) misused "--wait is a number of seconds" ;; esac; pause=$2 ;;
    *) misused "unknown option $1" ;;
  esac
  shift 2
done
case $site_url in
  '') ;;
  *[?#]* | *.aspx) misused "--site-url is the address of the site, up to its name: https://contoso.sharepoint.com/sites/ucc" ;;
  https://?*) ;;
  *) misused "--site-url begins with https://" ;;
esac
[ -n "$name" ] || misused "--name is empty"
for program in az jq openssl; do
  command -v "$program" >/dev/null || fail "$program is not installed"
done

# --- Microsoft Graph, through the Azure CLI -------------------------------------------------------------------------

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

# graph METHOD PATH [BODY]: prints the answer. Where it is refused: returns 1, the reason is in $errors.
graph() {
  if [ $# -gt 2 ]; then
    az rest --only-show-errors --output json --method "$1" --url "$graph_host/v1.0$2" --resource "$graph_host/" \
      --headers Content-Type=application/json --body "$3" 2>"$errors"
  else
    az rest --only-show-errors --output json --method "$1" --url "$graph_host/v1.0$2" --resource "$graph_host/" 2>"$errors"
  fi
}

# What Graph says of a refusal, else all that the Azure CLI says.
reason() {
  sed -n 's/^[^{]*\({.*}\)[^}]*$/\1/p' "$errors" | jq -er '.error | "\(.message) (\(.code))"' 2>/dev/null || cat "$errors"
}

# must WHAT METHOD PATH [BODY]: a refusal ends the script, and WHAT says what was tried.
must() {
  local what=$1
  shift
  graph "$@" || fail "$what: $(reason)"
}

# must_soon: the same, of things that Entra has just made and may not know everywhere yet.
must_soon() {
  local what=$1 tries=12
  shift
  until graph "$@"; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ] || ! grep -qiE 'not ?found|does not exist|does not reference a valid|valid reference' "$errors"; then
      fail "$what: $(reason)"
    fi
    sleep "$pause"
  done
}

as_address() { jq -rn --arg value "$1" '$value | @uri'; }
# An apostrophe within a value is doubled (OData).
as_filter() { jq -rn --arg field "$1" --arg value "$2" '"\($field) eq \u0027\($value | gsub("\u0027"; "\u0027\u0027"))\u0027" | @uri'; }

# --- Who is signed in, and where ------------------------------------------------------------------------------------

signed_in=$(az account show --only-show-errors --output json 2>"$errors") ||
  fail "the Azure CLI is not signed in: az login --allow-no-subscriptions --tenant TENANT"
tenant_id=$(jq -r .tenantId <<<"$signed_in")
if [ -n "$tenant" ] && [ "$tenant" != "$tenant_id" ]; then
  fail "the Azure CLI is signed in to tenant $tenant_id, not $tenant: az login --allow-no-subscriptions --tenant $tenant"
fi
if [ "$cloud" = usgov_dod ]; then
  graph_host=https://dod-graph.microsoft.us
else
  case $(jq -r .environmentName <<<"$signed_in") in
    AzureCloud) cloud=global ;;
    AzureUSGovernment) cloud=usgov ;;
    AzureChinaCloud) cloud=china ;;
    *) fail "the Azure CLI is set to a cloud that sync-agent does not know: az cloud set --name AzureCloud" ;;
  esac
  graph_host=$(az cloud show --only-show-errors --query endpoints.microsoftGraphResourceId --output tsv)
  graph_host=${graph_host%/}
fi
[ -n "$account" ] || account=$(jq -r '.tenantDefaultDomain // .tenantId' <<<"$signed_in")
say "Tenant $tenant_id, cloud $cloud"

# --- The permissions: sync_agent/check/needed.py is the table, and a test compares ----------------------------------

GRAPH=00000003-0000-0000-c000-000000000000
SHAREPOINT=00000003-0000-0ff1-ce00-000000000000
of_graph='User.Read.All Presence.Read.All'
of_sharepoint=''
# Presence is not offered by the cloud of 21Vianet (getPresencesByUserId, national clouds).
[ "$cloud" != china ] || of_graph='User.Read.All'
if [ -n "$site_url" ]; then
  selected=Sites.Selected
  [ "$grant" = site ] || selected=Lists.SelectedOperations.Selected
  of_graph="$of_graph $selected"
  [ "$api" = graph ] || of_sharepoint=$selected
fi
of_graph="$of_graph$optional"
if [ "$auth" = device_code ]; then
  # Without it, a sign-in would not outlast its first hour where people may not consent themselves.
  of_graph="$of_graph offline_access"
fi

# resolve APP-ID NAMES: the service principal and {id, type, name} of each, as the tenant itself knows them.
resolve() {
  local found
  found=$(must "looking up the permissions of $1" get \
    "/servicePrincipals?\$filter=$(as_filter appId "$1")&\$select=id,appId,appRoles,oauth2PermissionScopes") || exit 1
  jq -c --arg names "$2" --arg auth "$auth" '
    .value[0] // empty
    | (if $auth == "device_code" then [.oauth2PermissionScopes[] + {type: "Scope"}] else [.appRoles[] + {type: "Role"}] end) as $all
    | {principal: .id, appId,
       permissions: [$names | split(" ")[] | select(. != "") as $name | {name: $name} + (first($all[] | select(.value == $name)) // {} | {id, type})]}
  ' <<<"$found"
}

resources='[]'
add_resource() {
  local resource missing
  [ -n "$2" ] || return 0
  resource=$(resolve "$1" "$2")
  [ -n "$resource" ] || fail "the tenant does not know the service $1: has it a licence for it?"
  missing=$(jq -r '[.permissions[] | select(.id == null) | .name] | join(", ")' <<<"$resource")
  [ -z "$missing" ] || fail "the service $1 of this tenant offers no permission $missing for auth: $auth"
  resources=$(jq -c --argjson one "$resource" '. + [$one]' <<<"$resources")
}
add_resource "$GRAPH" "$of_graph"
add_resource "$SHAREPOINT" "$of_sharepoint"
required=$(jq -c 'map({resourceAppId: .appId, resourceAccess: (.permissions | map({id, type}))})' <<<"$resources")

# --- The certificate: its key never leaves this machine -------------------------------------------------------------

make_certificate() {
  local folder
  folder=$(mktemp -d "$(dirname "$certificate")/.certificate.XXXXXX")
  if ! (umask 077 && openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days "$days" -subj /CN=sync-agent \
    -keyout "$folder/key" -out "$folder/certificate" 2>"$errors" && cat "$folder/key" "$folder/certificate" >"$folder/pem"); then
    rm -rf "$folder"
    fail "openssl made no certificate: $(cat "$errors")"
  fi
  mv "$folder/pem" "$certificate"
  rm -rf "$folder"
  say "Made the certificate $certificate, good for $days days; keep it to yourself"
}
if [ "$auth" = certificate ]; then
  if [ -e "$certificate" ]; then
    openssl pkey -in "$certificate" -noout -passin pass: 2>/dev/null || fail "$certificate holds no key without a password"
    openssl x509 -in "$certificate" -noout -checkend 86400 >/dev/null 2>&1 ||
      fail "$certificate holds no certificate that is good for another day: name another file, and it is made"
    say "The certificate $certificate is there"
  else
    [ -d "$(dirname "$certificate")" ] || fail "the folder of $certificate does not exist"
    make_certificate
  fi
  public_key=$(openssl x509 -in "$certificate" -outform DER | openssl base64 -A)
fi

# --- The registration -----------------------------------------------------------------------------------------------

tag=sync-agent
fields=id,appId,displayName,tags,isFallbackPublicClient,requiredResourceAccess
find_registration() {
  local found
  if [ -n "$client_id" ]; then
    found=$(must "looking for the registration $client_id" get "/applications?\$filter=$(as_filter appId "$client_id")&\$select=$fields") || exit 1
    [ "$(jq '.value | length' <<<"$found")" -eq 1 ] || fail "tenant $tenant_id has no registration with client id $client_id"
  else
    found=$(must "looking for the registration" get "/applications?\$filter=$(as_filter displayName "$name")&\$select=$fields") || exit 1
    case $(jq '.value | length' <<<"$found") in
      0) return 0 ;;
      1) jq -e --arg tag "$tag" '.value[0].tags // [] | index($tag)' <<<"$found" >/dev/null ||
        fail "a registration \"$name\" is there that was not made by this script: give it by --client-id $(jq -r '.value[0].appId' <<<"$found"), or another --name" ;;
      *) fail "several registrations are called \"$name\": choose one by --client-id: $(jq -r '[.value[].appId] | join(", ")' <<<"$found")" ;;
    esac
  fi
  jq -c '.value[0]' <<<"$found"
}

registration=$(find_registration)
public=false
[ "$auth" != device_code ] || public=true
if [ -z "$registration" ]; then
  registration=$(must "registering the app (needs the role Application Administrator)" post /applications "$(
    jq -cn --arg name "$name" --arg tag "$tag" --argjson public "$public" --argjson required "$required" \
      '{displayName: $name, signInAudience: "AzureADMyOrg", tags: [$tag], isFallbackPublicClient: $public, requiredResourceAccess: $required}'
  )")
  say "Registered the app \"$name\""
else
  say "The app \"$(jq -r .displayName <<<"$registration")\" is registered"
  changes=$(jq -c --argjson public "$public" --argjson required "$required" '
    def flat: [.[] | .resourceAppId as $service | .resourceAccess[] | {service: $service, id, type}] | unique;
    def nested: group_by(.service) | map({resourceAppId: .[0].service, resourceAccess: map({id, type})});
    (.requiredResourceAccess // [] | flat) as $has | ($has + ($required | flat) | unique) as $all
    | (if $has == $all then {} else {requiredResourceAccess: ($all | nested)} end)
      + (if $public and .isFallbackPublicClient != true then {isFallbackPublicClient: true} else {} end)
  ' <<<"$registration")
  if [ "$changes" != '{}' ]; then
    must "changing the registration" patch "/applications/$(jq -r .id <<<"$registration")" "$changes" >/dev/null
    say "Added to it: $(jq -r 'keys | join(", ")' <<<"$changes")"
  fi
fi
object_id=$(jq -r .id <<<"$registration")
client_id=$(jq -r .appId <<<"$registration")

if [ "$auth" = certificate ]; then
  # The keys themselves are answered only to a $select of one registration; a change replaces them all.
  keys=$(must_soon "reading the certificates of the registration" get "/applications/$object_id?\$select=keyCredentials")
  if jq -e --arg key "$public_key" '[.keyCredentials[]? | select(.key == $key)] == []' <<<"$keys" >/dev/null; then
    must_soon "uploading the certificate" patch "/applications/$object_id" "$(
      jq -c --arg key "$public_key" \
        '{keyCredentials: ((.keyCredentials // []) + [{type: "AsymmetricX509Cert", usage: "Verify", displayName: "CN=sync-agent", key: $key}])}' <<<"$keys"
    )" >/dev/null
    say "Uploaded the certificate"
  fi
fi

# --- The app in this tenant, and admin consent ----------------------------------------------------------------------

found=$(must "looking for the app in the tenant" get "/servicePrincipals?\$filter=$(as_filter appId "$client_id")&\$select=id")
principal=$(jq -r '.value[0].id // empty' <<<"$found")
if [ -z "$principal" ]; then
  found=$(must_soon "creating the app's service principal" post /servicePrincipals "$(jq -cn --arg id "$client_id" '{appId: $id}')")
  principal=$(jq -r .id <<<"$found")
fi
consent="granting admin consent (needs the role Privileged Role Administrator or Global Administrator)"

consent_to_roles() {
  local granted missing
  granted=$(must_soon "reading what was consented to" get "/servicePrincipals/$principal/appRoleAssignments")
  missing=$(jq -c --argjson granted "$granted" --arg principal "$principal" '
    .[] | .principal as $resource | .permissions[]
    | select(.id as $id | any($granted.value[]; .appRoleId == $id and .resourceId == $resource) | not)
    | {name, body: {principalId: $principal, resourceId: $resource, appRoleId: .id}}' <<<"$resources")
  [ -z "$missing" ] || while IFS= read -r one; do
    must_soon "$consent" post "/servicePrincipals/$(jq -r .body.resourceId <<<"$one")/appRoleAssignedTo" "$(jq -c .body <<<"$one")" >/dev/null
    say "Consented to $(jq -r .name <<<"$one")"
  done <<<"$missing"
  surplus=$(jq -r --argjson resources "$resources" '
    [.value[] | select(. as $one | any($resources[]; .principal == $one.resourceId and any(.permissions[]; .id == $one.appRoleId)) | not)] | length' <<<"$granted")
  [ "$surplus" -eq 0 ] || say "note: the app has $surplus permission(s) that sync-agent does not need as it is set up here; \`sync-agent check\` names what is too much"
}

consent_to_scopes() {
  local granted wanted
  granted=$(must_soon "reading what was consented to" get "/oauth2PermissionGrants?\$filter=$(as_filter clientId "$principal")")
  wanted=$(jq -c --argjson granted "$granted" --arg principal "$principal" '
    .[] | .principal as $resource | [.permissions[].name] as $names
    | (first($granted.value[] | select(.resourceId == $resource and .consentType == "AllPrincipals")) // null) as $old
    | ($old.scope // "" | split(" ") | map(select(. != ""))) as $has
    | select($names - $has != [])
    | {id: $old.id, added: ($names - $has | join(", ")), scope: ($has + ($names - $has) | join(" ")),
       new: {clientId: $principal, consentType: "AllPrincipals", resourceId: $resource, scope: ($names | join(" "))}}' <<<"$resources")
  [ -z "$wanted" ] || while IFS= read -r one; do
    if [ "$(jq -r .id <<<"$one")" = null ]; then
      must_soon "$consent" post /oauth2PermissionGrants "$(jq -c .new <<<"$one")" >/dev/null
    else
      must_soon "$consent" patch "/oauth2PermissionGrants/$(jq -r .id <<<"$one")" "$(jq -c '{scope}' <<<"$one")" >/dev/null
    fi
    say "Consented to $(jq -r .added <<<"$one")"
  done <<<"$wanted"
}
if [ "$auth" = device_code ]; then consent_to_scopes; else consent_to_roles; fi

# --- The one site, or the one list ----------------------------------------------------------------------------------

# Each returns 1 where Graph refuses; Sites.FullControl.All is needed, which no person's sign-in to the Azure CLI has.
open_place() {
  local host path site place found permission id
  host=${site_url#https://} path=''
  case $host in */*) path=${host#*/} host=${host%%/*} ;; esac
  if [ -n "$path" ]; then
    site=$(graph get "/sites/$host:/$(as_address "$path" | sed 's/%2F/\//g; s/%25/%/g')?\$select=id") || return 1
  else
    site=$(graph get "/sites/$host?\$select=id") || return 1
  fi
  place="/sites/$(jq -r .id <<<"$site")"
  if [ "$grant" = list ]; then
    found=$(graph get "$place/lists/$(as_address "$list")?\$select=id") || return 1
    place="$place/lists/$(jq -r .id <<<"$found")"
  fi
  found=$(graph get "$place/permissions") || return 1
  id=$(jq -r --arg app "$client_id" '
    [.value[] | select([.grantedToV2?, .grantedTo?, .grantedToIdentitiesV2[]?, .grantedToIdentities[]?] | any(.application?.id? == $app)) | .id][0] // empty' <<<"$found")
  if [ -n "$id" ]; then
    # The roles are answered of a single permission only.
    permission=$(graph get "$place/permissions/$(as_address "$id")") || return 1
    if [ "$(jq -c .roles <<<"$permission")" = "[\"$role\"]" ]; then
      say "The $grant is open to the app as $role"
      return 0
    fi
    if [ "$grant" = site ]; then
      graph patch "$place/permissions/$(as_address "$id")" "$(jq -cn --arg role "$role" '{roles: [$role]}')" >/dev/null || return 1
      say "The $grant is now open to the app as $role"
      return 0
    fi
    # No page has a change of a list's permission.
    graph delete "$place/permissions/$(as_address "$id")" >/dev/null || return 1
  fi
  graph post "$place/permissions" "$(jq -cn --arg role "$role" --arg app "$client_id" --arg name "$name" --arg grant "$grant" '
    {application: {id: $app, displayName: $name}} as $to
    | {roles: [$role]} + if $grant == "site" then {grantedToIdentities: [$to]} else {grantedToV2: $to} end')" >/dev/null || return 1
  say "Opened the $grant to the app as $role"
}

ending=0
if [ -n "$site_url" ] && ! open_place; then
  ending=3
  say "error: the $grant was not opened: $(reason)"
  say "It takes Sites.FullControl.All, which a person's sign-in to the Azure CLI cannot have. Either run"
  say "deploy/Register-App.ps1 -ClientId $client_id with the same options, or make the requests in docs/register-app.md, \"The grant\"."
fi

# --- What belongs into settings.yaml --------------------------------------------------------------------------------

quoted() { jq -n --arg value "$1" '$value'; }
if [ -n "$site_url" ]; then
  printf 'sharepoint:\n  site_url: %s\n  agent_list: %s\n  account: %s\n  api: %s\n' \
    "$(quoted "$site_url")" "$(quoted "$list")" "$(quoted "$account")" "$api"
fi
printf 'accounts:\n  - id: %s\n    tenant_id: %s\n    client_id: %s\n    auth: %s\n' "$(quoted "$account")" "$tenant_id" "$client_id" "$auth"
[ "$auth" != certificate ] || printf '    certificate: {path: %s}\n' "$(quoted "$(cd "$(dirname "$certificate")" && pwd)/$(basename "$certificate")")"
[ "$cloud" = global ] || printf '    cloud: %s\n' "$cloud"
exit "$ending"
