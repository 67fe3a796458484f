"""Two processes on one database, as `run` and `sync` beside it, or two services: nothing is lost, nothing is double."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta

from sync_agent.model import Code, Status
from sync_agent.state.store import Store
from tests.outcomes import STARTED, anomaly, outcome
from tests.state.queried import queried

PASSES = 15
_SAVES = """
import sys
from datetime import timedelta
from pathlib import Path
from sync_agent.model import Code
from sync_agent.state.store import Store
from tests.outcomes import STARTED, anomaly, outcome

store = Store.open(sys.argv[1], timedelta(days=30))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    wrong = {1 + number % 7: [anomaly(Code.UPN_MISSING)], 9: [anomaly(Code.USER_DISABLED)]}
    store.save(outcome(wrong, rows=120, started=STARTED + timedelta(minutes=number)))
    store.open_anomalies("Agents")
store.close()
"""


def saving(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _SAVES, url, str(PASSES)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_that_save_at_once_leave_one_history(url: str) -> None:
    processes = [saving(url) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=120) for process in processes] == [("", "")] * 2
    assert queried(url, "SELECT count(*) FROM passes") == [(2 * PASSES,)]
    standing = queried(url, "SELECT row_id FROM verdicts WHERE until IS NULL")
    assert Counter(standing) == Counter((row_id,) for row_id in range(1, 121))
    assert queried(url, "SELECT count(*) FROM anomalies WHERE row_id = 9") == [(1,)]
    open_twice = "SELECT row_id FROM anomalies WHERE resolved IS NULL GROUP BY row_id, code HAVING count(*) > 1"
    assert queried(url, open_twice) == []

    store = Store.open(url)
    store.save(outcome({9: [anomaly(Code.USER_DISABLED)]}, rows=120, started=STARTED + timedelta(hours=1)))
    assert [(one.row_id, one.opened) for one in store.open_anomalies("Agents")] == [
        (9, STARTED + timedelta(seconds=1.5))
    ]
    now = STARTED + timedelta(hours=2)
    told = [store.verdict_at("Agents", row_id, now) for row_id in range(1, 121)]
    assert Counter(one and one.status for one in told) == {Status.OK: 119, Status.ERROR: 1}
    store.close()


def test_a_process_that_is_killed_while_it_saves_leaves_a_whole_history(url: str) -> None:
    for _ in range(3):
        process = saving(url)
        before = queried(url, "SELECT count(*) FROM passes")
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        while queried(url, "SELECT count(*) FROM passes") == before:
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
        process.communicate()
    if url.startswith("sqlite"):
        assert queried(url, "PRAGMA integrity_check") == [("ok",)]
    standing = queried(url, "SELECT row_id FROM verdicts WHERE until IS NULL")
    assert Counter(standing) == Counter((row_id,) for row_id in range(1, 121))
    store = Store.open(url)
    store.save(outcome({}, rows=120, started=STARTED + timedelta(hours=1)))
    assert store.open_anomalies("Agents") == []
    store.close()
