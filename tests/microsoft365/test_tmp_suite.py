import pytest
from tests.microsoft365.agent_list_suite import AgentListSuite
from tests.microsoft365.list_office import Office
class _F(AgentListSuite):
    @pytest.fixture
    def office(self): return Office(self.api, False)
    @pytest.fixture
    def bare_office(self): return Office(self.api, True)
class TestRest(_F): api="rest"
class TestGraph(_F): api="graph"
