"""What Graph tells of other tenants, to whoever may ask."""

from __future__ import annotations

import pytest

from tests.simulator.office import OTHER_TENANT, Office, error_of

FIND = "/tenantRelationships/findTenantInformation"
MAY_ASK = "CrossTenantInformation.ReadBasic.All"


@pytest.mark.parametrize("by", [f"ByTenantId(tenantId='{OTHER_TENANT}')", "ByDomainName(domainName='fabrikam.com')"])
def test_a_tenant_is_found_by_id_or_domain(office: Office, by: str) -> None:
    told = office.graph("GET", FIND + by, office.token(MAY_ASK)).json()
    del told["@odata.context"]
    assert told == {
        "tenantId": OTHER_TENANT,
        "displayName": "Fabrikam",
        "defaultDomainName": "fabrikam.com",
        "federationBrandName": None,
    }


def test_it_takes_a_permission_of_its_own(office: Office) -> None:
    answer = office.graph("GET", f"{FIND}ByTenantId(tenantId='{OTHER_TENANT}')", office.token("Directory.Read.All"))
    assert error_of(answer) == (403, "Authorization_RequestDenied")


def test_nobody_is_not_found(office: Office) -> None:
    answer = office.graph("GET", f"{FIND}ByDomainName(domainName='nobody.example')", office.token(MAY_ASK))
    assert error_of(answer) == (404, "Directory_ObjectNotFound")
