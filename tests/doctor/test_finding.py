"""One command for all that is missing."""

import os

import pytest

from lxmls_rnn.doctor import Finding, missing_packages


@pytest.mark.parametrize(("user", "sudo"), [(0, ""), (1000, "sudo ")])
def test_one_command_installs_everything_once(monkeypatch, user, sudo):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    findings = [Finding("a", "", False, ("g++", "x-dev")), Finding("b", ""), Finding("c", "", False, ("g++",))]
    assert missing_packages(findings) == f"{sudo}apt-get install -y g++ x-dev"


def test_nothing_missing_needs_no_command():
    assert missing_packages([Finding("a", "there")]) == ""


def test_a_finding_is_all_right_unless_it_says_otherwise():
    assert Finding("a", "there") == Finding("a", "there", True, (), "")
