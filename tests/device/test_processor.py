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


@pytest.mark.parametrize(("quota", "cores"), [("-1", 8), ("250000", 2), ("50000", 1)])
def test_cores_are_those_of_a_container_with_control_groups_1(linux, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    linux("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", f"{quota}\n")
    linux("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert processor.cores() == cores
