"""The servers and the ways of asking that the benches of presence rest on."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from bench.canned import Served, canned, several_canned
from bench.contenders import At
from bench.fleet import MOST_IDS, ids, parts
from bench.sweep import costs_of


def told(server: Served, path: Path) -> dict[str, Any]:
    at = At(server.url, str(path / "canned-ca.pem"), parts(40))
    answer = requests.post(server.url, json={"ids": ids(40)}, headers=at.headers, verify=at.ca_bundle, timeout=30)
    return {presence["id"]: presence["availability"] for presence in answer.json()["value"]}


def test_servers_side_by_side_tell_the_same_presences_at_the_same_time(tmp_path: Path) -> None:
    with several_canned(tmp_path, 40, 20.0, 2) as (one, other):
        before = told(one, tmp_path)
        assert sorted(before) == ids(40)
        give_up = time.monotonic() + 60
        while True:  # each changes at moments of its own, a tenth of a second apart
            now, then = told(one, tmp_path), told(other, tmp_path)
            if now == then and sum(now[id_] != before[id_] for id_ in before) > 10:
                break
            assert time.monotonic() < give_up
        assert one.counted()["requests"] == other.counted()["requests"] + 1


@pytest.mark.parametrize("way", ["floor", "sync-agent", "plain", "office365", "aiohttp, HTTP/1.1", "httpx, HTTP/1.1"])
def test_each_way_asks_for_everybody_once_a_sweep(tmp_path: Path, way: str) -> None:
    users = 2 * MOST_IDS
    with canned(tmp_path, users, 0.0) as server:
        measured = costs_of(sys.executable, way, server.url, server.ca_bundle, 2, 1, users=users)
        counted = server.counted()
    assert (counted["requests"], counted["throttled"]) == (4, 0), "and once more beforehand"
    assert counted["cpu"] > 0
    assert len(measured) == 1
    assert all(seconds > 0 for seconds in measured[0])
