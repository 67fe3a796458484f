#requires -Version 7.2
#requires -Modules @{ ModuleName = 'Microsoft.Graph.Authentication'; ModuleVersion = '2.0.0' }
<#
.SYNOPSIS
Registers an app for sync-agent in one tenant: see docs/register-app.md. Made to be run again: what is there stays.

.DESCRIPTION
Signs an administrator in, registers the app with the least permissions and admin consent, makes a certificate, opens
the one site or list to the app, and prints what belongs into settings.yaml. What is missing is added, nothing is taken
away. Exit codes: 0 done, 1 failed (run it again), 3 all done but opening the site or list.

.PARAMETER SiteUrl
The site with the Agent list; left out: a tenant that has agents, but not the list.
.PARAMETER List
Title of the Agent list.
.PARAMETER Grant
Open the whole site or the one list.
.PARAMETER Role
What the app may do there. provision needs manage, to make columns; write is enough then.
.PARAMETER Api
The API that the list is read and written by.
.PARAMETER Auth
How the app signs in: by a certificate, or by a person with a device code.
.PARAMETER Certificate
Key and certificate in PEM; made where it is not there.
.PARAMETER Days
How long a certificate that is made is good for.
.PARAMETER Optional
Optional permissions to give besides.
.PARAMETER Name
Display name of the registration.
.PARAMETER ClientId
Use this registration, whoever made it.
.PARAMETER Tenant
Id or domain of the tenant to sign in to.
.PARAMETER Account
Id of the account in settings.yaml; left out: the tenant as you wrote it, else its id.
.PARAMETER Cloud
The cloud of the tenant.
.PARAMETER Wait
Seconds between two looks for what Entra has just made.

.EXAMPLE
pwsh deploy/Register-App.ps1 -Tenant contoso.com -SiteUrl https://contoso.sharepoint.com/sites/ucc -List Agents
#>
[CmdletBinding()]
param(
    [ValidatePattern('^https://[^?#]+$')] [string] $SiteUrl,
    [string] $List = 'Agents',
    [ValidateSet('site', 'list')] [string] $Grant = 'site',
    [ValidateSet('write', 'manage', 'owner', 'fullcontrol')] [string] $Role = 'manage',
    [ValidateSet('rest', 'graph')] [string] $Api = 'rest',
    [ValidateSet('certificate', 'device_code')] [string] $Auth = 'certificate',
    [string] $Certificate = 'sync-agent.pem',
    [ValidateRange(1, 3650)] [int] $Days = 730,
    [ValidateSet('Organization.Read.All', 'Application.Read.All', 'CrossTenantInformation.ReadBasic.All')] [string[]] $Optional = @(),
    [ValidateNotNullOrEmpty()] [string] $Name = 'sync-agent',
    [string] $ClientId,
    [string] $Tenant,
    [string] $Account,
    [ValidateSet('global', 'usgov', 'usgov_dod', 'china')] [string] $Cloud = 'global',
    [ValidateRange(0, 600)] [int] $Wait = 5
)
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

# Not to standard output: that is for the settings alone.
function Write-Step([string] $Text) { [Console]::Error.WriteLine($Text) }

function Exit-Script([string] $Text) {
    [Console]::Error.WriteLine("error: $Text")
    exit 1
}

# --- Microsoft Graph ---------------------------------------------------------------------------------------------

# Answers are hashtables, read by index: a property that an answer lacks is then nothing, and no error.
function Invoke-Graph([string] $Method, [string] $Path, $Body) {
    $request = @{ Method = $Method; Uri = "/v1.0$Path"; OutputType = 'HashTable' }
    if ($null -ne $Body) {
        $request.Body = ConvertTo-Json -InputObject $Body -Depth 8 -Compress
        $request.ContentType = 'application/json'
    }
    Invoke-MgGraphRequest @request
}

function Get-Reason($Failure) {
    if ($Failure.ErrorDetails) { return $Failure.ErrorDetails.Message }
    $Failure.Exception.Message
}

# A refusal ends the script; of things that Entra has just made and may not know everywhere yet, only after a while.
function Invoke-Needed([string] $What, [string] $Method, [string] $Path, $Body, [switch] $Soon) {
    $tries = if ($Soon) { 12 } else { 1 }
    while ($true) {
        try {
            return Invoke-Graph $Method $Path $Body
        }
        catch {
            $tries -= 1
            $reason = Get-Reason $_
            if ($tries -eq 0 -or $reason -notmatch 'not ?found|does not exist|does not reference a valid|valid reference') {
                Exit-Script "${What}: $reason"
            }
            Start-Sleep -Seconds $Wait
        }
    }
}

function ConvertTo-Filter([string] $Field, [string] $Value) {
    [uri]::EscapeDataString("$Field eq '$($Value.Replace("'", "''"))'")
}

# --- Who is signed in, and where ---------------------------------------------------------------------------------

$environment = @{ global = 'Global'; usgov = 'USGov'; usgov_dod = 'USGovDoD'; china = 'China' }[$Cloud]
$scopes = @('Application.ReadWrite.All')
$scopes += if ($Auth -eq 'device_code') { 'DelegatedPermissionGrant.ReadWrite.All' } else { 'AppRoleAssignment.ReadWrite.All' }
if ($SiteUrl) { $scopes += 'Sites.FullControl.All' }
$signIn = @{ Scopes = $scopes; Environment = $environment; ContextScope = 'Process'; NoWelcome = $true }
if ($Tenant) { $signIn.TenantId = $Tenant }
Connect-MgGraph @signIn
$tenantId = (Get-MgContext).TenantId
if (-not $Account) { $Account = if ($Tenant) { $Tenant } else { $tenantId } }
Write-Step "Tenant $tenantId, cloud $Cloud"

# --- The permissions: sync_agent/check/needed.py is the table, and a test compares -------------------------------

$graphApp = '00000003-0000-0000-c000-000000000000'
$sharePointApp = '00000003-0000-0ff1-ce00-000000000000'
$ofGraph = @('User.Read.All', 'Presence.Read.All')
$ofSharePoint = @()
# Presence is not offered by the cloud of 21Vianet (getPresencesByUserId, national clouds).
if ($Cloud -eq 'china') { $ofGraph = @('User.Read.All') }
if ($SiteUrl) {
    $selected = if ($Grant -eq 'site') { 'Sites.Selected' } else { 'Lists.SelectedOperations.Selected' }
    $ofGraph += $selected
    if ($Api -eq 'rest') { $ofSharePoint += $selected }
}
$ofGraph += $Optional
# Without it, a sign-in would not outlast its first hour where people may not consent themselves.
if ($Auth -eq 'device_code') { $ofGraph += 'offline_access' }

# The service principal and {id, type, name} of each permission, as the tenant itself knows them.
function Resolve-Permission([string] $AppId, [string[]] $Names) {
    $query = "`$filter=$(ConvertTo-Filter 'appId' $AppId)&`$select=id,appId,appRoles,oauth2PermissionScopes"
    $found = @((Invoke-Needed "looking up the permissions of $AppId" GET "/servicePrincipals?$query")['value'])
    if ($found.Count -eq 0) { Exit-Script "the tenant does not know the service ${AppId}: has it a licence for it?" }
    $kind, $field = if ($Auth -eq 'device_code') { 'Scope', 'oauth2PermissionScopes' } else { 'Role', 'appRoles' }
    $permissions = foreach ($each in $Names) {
        $offered = @($found[0][$field] | Where-Object { $_['value'] -ceq $each })
        if ($offered.Count -eq 0) { Exit-Script "the service $AppId of this tenant offers no permission $each for auth: $Auth" }
        @{ id = $offered[0]['id']; type = $kind; name = $each }
    }
    @{ principal = $found[0]['id']; appId = $AppId; permissions = @($permissions) }
}

$resources = @(Resolve-Permission $graphApp $ofGraph)
if ($ofSharePoint.Count -gt 0) { $resources += Resolve-Permission $sharePointApp $ofSharePoint }

# --- The certificate: its key never leaves this machine ----------------------------------------------------------

function ConvertTo-Pem([string] $Label, [byte[]] $Bytes) {
    $lines = [Convert]::ToBase64String($Bytes) -replace '.{64}(?!$)', "`$0`n"
    "-----BEGIN $Label-----`n$lines`n-----END $Label-----`n"
}

# The file is closed to others before the key is in it.
function Protect-File([string] $Path) {
    [IO.File]::Open($Path, [IO.FileMode]::CreateNew).Dispose()
    if ($IsWindows) {
        $access = Get-Acl -LiteralPath $Path
        $access.SetAccessRuleProtection($true, $false)
        $me = [Security.Principal.WindowsIdentity]::GetCurrent().User
        $access.AddAccessRule([Security.AccessControl.FileSystemAccessRule]::new($me, 'FullControl', 'Allow'))
        Set-Acl -LiteralPath $Path -AclObject $access
    }
    else {
        chmod 600 $Path
        if ($LASTEXITCODE -ne 0) { Exit-Script "$Path could not be closed to others" }
    }
}

function Initialize-Certificate([string] $Path) {
    $key = [Security.Cryptography.RSA]::Create(2048)
    $request = [Security.Cryptography.X509Certificates.CertificateRequest]::new(
        'CN=sync-agent', $key, [Security.Cryptography.HashAlgorithmName]::SHA256, [Security.Cryptography.RSASignaturePadding]::Pkcs1)
    $now = [DateTimeOffset]::UtcNow
    $made = $request.CreateSelfSigned($now.AddMinutes(-5), $now.AddDays($Days))
    $text = (ConvertTo-Pem 'PRIVATE KEY' $key.ExportPkcs8PrivateKey()) + (ConvertTo-Pem 'CERTIFICATE' $made.RawData)
    Protect-File $Path
    [IO.File]::WriteAllText($Path, $text)
    Write-Step "Made the certificate $Path, good for $Days days; keep it to yourself"
}

if ($Auth -eq 'certificate') {
    $pem = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Certificate)
    if (-not (Test-Path -LiteralPath $pem)) { Initialize-Certificate $pem }
    try { $own = [Security.Cryptography.X509Certificates.X509Certificate2]::CreateFromPemFile($pem) }
    catch { Exit-Script "$pem holds no certificate with a key without a password: $($_.Exception.Message)" }
    if ($own.NotAfter -lt (Get-Date).AddDays(1)) {
        Exit-Script "$pem holds no certificate that is good for another day: name another file, and it is made"
    }
    $publicKey = [Convert]::ToBase64String($own.RawData)
}

# --- The registration --------------------------------------------------------------------------------------------

function Find-Registration {
    $select = '$select=id,appId,displayName,tags,isFallbackPublicClient,requiredResourceAccess'
    if ($ClientId) {
        $found = @((Invoke-Needed "looking for the registration $ClientId" GET "/applications?`$filter=$(ConvertTo-Filter 'appId' $ClientId)&$select")['value'])
        if ($found.Count -ne 1) { Exit-Script "tenant $tenantId has no registration with client id $ClientId" }
        return $found[0]
    }
    $found = @((Invoke-Needed 'looking for the registration' GET "/applications?`$filter=$(ConvertTo-Filter 'displayName' $Name)&$select")['value'])
    if ($found.Count -gt 1) {
        Exit-Script "several registrations are called ""$Name"": choose one by -ClientId: $(($found | ForEach-Object { $_['appId'] }) -join ', ')"
    }
    if ($found.Count -eq 0) { return $null }
    if (@($found[0]['tags']) -cnotcontains 'sync-agent') {
        Exit-Script "a registration ""$Name"" is there that was not made by this script: give it by -ClientId $($found[0]['appId']), or another -Name"
    }
    $found[0]
}

$required = @(foreach ($each in $resources) {
        @{ resourceAppId = $each.appId; resourceAccess = @($each.permissions | ForEach-Object { @{ id = $_.id; type = $_.type } }) }
    })

# What the registration asks for already, and besides what is needed; nothing where that is no more than it has.
function Join-Access($Registration) {
    $all = [Collections.Generic.List[object]]::new()
    foreach ($each in @($Registration['requiredResourceAccess'] | Where-Object { $_ })) {
        $all.Add(@{ resourceAppId = $each['resourceAppId']; resourceAccess = @($each['resourceAccess']) })
    }
    $added = $false
    foreach ($each in $required) {
        $there = $all | Where-Object { $_.resourceAppId -eq $each.resourceAppId } | Select-Object -First 1
        if (-not $there) { $all.Add($each); $added = $true; continue }
        foreach ($access in $each.resourceAccess) {
            if (-not ($there.resourceAccess | Where-Object { $_['id'] -eq $access.id -and $_['type'] -eq $access.type })) {
                $there.resourceAccess = @($there.resourceAccess) + $access
                $added = $true
            }
        }
    }
    if ($added) { , @($all) }
}

$registration = Find-Registration
$public = $Auth -eq 'device_code'
if (-not $registration) {
    $body = @{
        displayName            = $Name
        signInAudience         = 'AzureADMyOrg'
        tags                   = @('sync-agent')
        isFallbackPublicClient = $public
        requiredResourceAccess = $required
    }
    $registration = Invoke-Needed 'registering the app (needs the role Application Administrator)' POST '/applications' $body
    Write-Step "Registered the app ""$Name"""
}
else {
    Write-Step "The app ""$($registration['displayName'])"" is registered"
    $changes = @{}
    $access = Join-Access $registration
    if ($access) { $changes.requiredResourceAccess = $access }
    if ($public -and $registration['isFallbackPublicClient'] -ne $true) { $changes.isFallbackPublicClient = $true }
    if ($changes.Count -gt 0) {
        $null = Invoke-Needed 'changing the registration' PATCH "/applications/$($registration['id'])" $changes
        Write-Step "Added to it: $($changes.Keys -join ', ')"
    }
}
$objectId = $registration['id']
$ClientId = $registration['appId']

if ($Auth -eq 'certificate') {
    # The keys themselves are answered only to a $select of one registration; a change replaces them all.
    $keys = @((Invoke-Needed 'reading the certificates of the registration' GET "/applications/${objectId}?`$select=keyCredentials" -Soon)['keyCredentials'] | Where-Object { $_ })
    if (-not ($keys | Where-Object { $_['key'] -ceq $publicKey })) {
        $new = @{ type = 'AsymmetricX509Cert'; usage = 'Verify'; displayName = 'CN=sync-agent'; key = $publicKey }
        $null = Invoke-Needed 'uploading the certificate' PATCH "/applications/$objectId" @{ keyCredentials = @($keys) + $new } -Soon
        Write-Step 'Uploaded the certificate'
    }
}

# --- The app in this tenant, and admin consent -------------------------------------------------------------------

$found = @((Invoke-Needed 'looking for the app in the tenant' GET "/servicePrincipals?`$filter=$(ConvertTo-Filter 'appId' $ClientId)&`$select=id")['value'])
if ($found.Count -eq 0) {
    $found = @(Invoke-Needed "creating the app's service principal" POST '/servicePrincipals' @{ appId = $ClientId } -Soon)
}
$principal = $found[0]['id']
$consent = 'granting admin consent (needs the role Privileged Role Administrator or Global Administrator)'

function Grant-Role {
    $granted = @((Invoke-Needed 'reading what was consented to' GET "/servicePrincipals/$principal/appRoleAssignments" -Soon)['value'])
    foreach ($each in $resources) {
        foreach ($one in $each.permissions) {
            if ($granted | Where-Object { $_['appRoleId'] -eq $one.id -and $_['resourceId'] -eq $each.principal }) { continue }
            $body = @{ principalId = $principal; resourceId = $each.principal; appRoleId = $one.id }
            $null = Invoke-Needed $consent POST "/servicePrincipals/$($each.principal)/appRoleAssignedTo" $body -Soon
            Write-Step "Consented to $($one.name)"
        }
    }
    $needed = @($resources | ForEach-Object { $_.permissions } | ForEach-Object { $_.id })
    $surplus = @($granted | Where-Object { $_ -and $needed -notcontains $_['appRoleId'] }).Count
    if ($surplus -gt 0) {
        Write-Step "note: the app has $surplus permission(s) that sync-agent does not need as it is set up here; ``sync-agent check`` names what is too much"
    }
}

function Grant-Scope {
    $granted = @((Invoke-Needed 'reading what was consented to' GET "/oauth2PermissionGrants?`$filter=$(ConvertTo-Filter 'clientId' $principal)" -Soon)['value'])
    foreach ($each in $resources) {
        $names = @($each.permissions | ForEach-Object { $_.name })
        $old = @($granted | Where-Object { $_ -and $_['resourceId'] -eq $each.principal -and $_['consentType'] -eq 'AllPrincipals' })
        if ($old.Count -eq 0) {
            $body = @{ clientId = $principal; consentType = 'AllPrincipals'; resourceId = $each.principal; scope = $names -join ' ' }
            $null = Invoke-Needed $consent POST '/oauth2PermissionGrants' $body -Soon
            Write-Step "Consented to $($names -join ', ')"
            continue
        }
        $has = @($old[0]['scope'] -split ' ' | Where-Object { $_ })
        $added = @($names | Where-Object { $has -cnotcontains $_ })
        if ($added.Count -gt 0) {
            $null = Invoke-Needed $consent PATCH "/oauth2PermissionGrants/$($old[0]['id'])" @{ scope = (@($has) + $added) -join ' ' } -Soon
            Write-Step "Consented to $($added -join ', ')"
        }
    }
}

if ($Auth -eq 'device_code') { Grant-Scope } else { Grant-Role }

# --- The one site, or the one list -------------------------------------------------------------------------------

function Grant-Place {
    $address = [uri] $SiteUrl.TrimEnd('/')
    $path = $address.AbsolutePath.Trim('/')
    $site = if ($path) {
        Invoke-Graph GET "/sites/$($address.Host):/${path}?`$select=id"
    }
    else {
        Invoke-Graph GET "/sites/$($address.Host)?`$select=id"
    }
    $place = "/sites/$($site['id'])"
    if ($Grant -eq 'list') {
        $place += "/lists/$((Invoke-Graph GET "$place/lists/$([uri]::EscapeDataString($List))?`$select=id")['id'])"
    }
    $mine = @((Invoke-Graph GET "$place/permissions")['value'] | Where-Object { $_ } | Where-Object {
            @($_['grantedToV2'], $_['grantedTo']) + @($_['grantedToIdentitiesV2']) + @($_['grantedToIdentities']) |
                Where-Object { $_ -and $_['application'] -and $_['application']['id'] -eq $ClientId }
        })
    if ($mine.Count -gt 0) {
        $id = [uri]::EscapeDataString($mine[0]['id'])
        # The roles are answered of a single permission only.
        $roles = @((Invoke-Graph GET "$place/permissions/$id")['roles'])
        if (($roles -join ' ') -ceq $Role) {
            Write-Step "The $Grant is open to the app as $Role"
            return
        }
        if ($Grant -eq 'site') {
            $null = Invoke-Graph PATCH "$place/permissions/$id" @{ roles = @($Role) }
            Write-Step "The $Grant is now open to the app as $Role"
            return
        }
        # No page has a change of a list's permission.
        $null = Invoke-Graph DELETE "$place/permissions/$id"
    }
    $to = @{ application = @{ id = $ClientId; displayName = $Name } }
    $body = @{ roles = @($Role) }
    if ($Grant -eq 'site') { $body.grantedToIdentities = @($to) } else { $body.grantedToV2 = $to }
    $null = Invoke-Graph POST "$place/permissions" $body
    Write-Step "Opened the $Grant to the app as $Role"
}

$ending = 0
if ($SiteUrl) {
    try { Grant-Place }
    catch {
        $ending = 3
        [Console]::Error.WriteLine("error: the $Grant was not opened: $(Get-Reason $_)")
        [Console]::Error.WriteLine('It takes Sites.FullControl.All and the role SharePoint Administrator: see docs/register-app.md, "The grant".')
    }
}

# --- What belongs into settings.yaml -----------------------------------------------------------------------------

function ConvertTo-Quoted([string] $Value) { ConvertTo-Json -InputObject $Value -Compress }
if ($SiteUrl) {
    Write-Output 'sharepoint:'
    Write-Output "  site_url: $(ConvertTo-Quoted $SiteUrl.TrimEnd('/'))"
    Write-Output "  agent_list: $(ConvertTo-Quoted $List)"
    Write-Output "  account: $(ConvertTo-Quoted $Account)"
    Write-Output "  api: $Api"
}
Write-Output 'accounts:'
Write-Output "  - id: $(ConvertTo-Quoted $Account)"
Write-Output "    tenant_id: $tenantId"
Write-Output "    client_id: $ClientId"
Write-Output "    auth: $Auth"
if ($Auth -eq 'certificate') { Write-Output "    certificate: {path: $(ConvertTo-Quoted $pem)}" }
if ($Cloud -ne 'global') { Write-Output "    cloud: $Cloud" }
exit $ending
