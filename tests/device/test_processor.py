"""The cores of a machine and of a container, from files as Linux writes them."""

import os

import pytest

from lxmls_rnn.device import processor


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("1600000 100000", 8), (None, 8)]
)
def test_cores_are_those_of_the_container(linux, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    if quota:
        linux("/sys/fs/cgroup/cpu.max", quota)
    assert processor.cores() == cores


@pytest.mark.parametrize(
    ("of_core", "count", "chosen"),
    [
        ("0123", 1, {3}),
        ("0123", 2, {3, 2}),
        ("0011", 2, {3, 1}),  # two threads of each core: one processor of each first
        ("0101", 2, {3, 2}),
        ("0011", 3, {3, 1, 2}),
        ("0011", 9, {0, 1, 2, 3}),
        (None, 1, {3}),
    ],
)
def test_processors_are_of_different_cores_and_the_last_ones(linux, monkeypatch, of_core, count, chosen):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(4)))
    for number, core in enumerate(of_core or ""):
        linux(f"/sys/devices/system/cpu/cpu{number}/topology/core_id", core)
        linux(f"/sys/devices/system/cpu/cpu{number}/topology/physical_package_id", "0")
    assert processor.processors(count) == chosen


def test_a_thread_is_pinned_within_the_block_only():
    before = os.sched_getaffinity(0)
    with processor.pinned(1):
        assert os.sched_getaffinity(0) == processor.processors(1)
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(("quota", "cores"), [("-1", 8), ("250000", 2), ("50000", 1)])
def test_cores_are_those_of_a_container_with_control_groups_1(linux, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    linux("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", f"{quota}\n")
    linux("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert processor.cores() == cores
