"""The tables of settings in the documentation have the defaults of the Compose files."""

import json
import os
import re
import shutil
import subprocess

import pytest
from documentation import ROOT

if not (ROOT / "docs").is_dir():
    pytest.skip("the documentation is not in the image", allow_module_level=True)

PAGES = {"docs/image.md": "docker-compose.yml", "docs/hub.md": "docker/jupyterhub/docker-compose.yml"}
DEFAULT = re.compile(r"(?=\$\{(\w+):-((?:[^{}]|\$\{[^{}]*\})*)\})")  # ${NAME:-default}, which may be nested
IN_WORDS = {"", "0", "$PWD/data", "${SSL_CERT_FILE:-/dev/null}", "/dev/null"}  # what a table calls none, for example
NOT_FOR_USERS = {"LAB_REVISION", "LAB_TAG", "SSL_CERT_FILE"}


def defaults(file):
    """The defaults of each setting in a Compose file."""
    found = {}
    for name, default in DEFAULT.findall((ROOT / file).read_text(encoding="utf-8")):
        found.setdefault(name, set()).add(default)
    return found


def table(page):
    """The default of each setting in the table of a page, as it is written there."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (rows,) = re.findall(r"^\| setting \| default \| meaning \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    found = {}
    for row in rows.splitlines():
        names, values = (cell.split(", ") for cell in row.split(" | ")[:2])
        if len(values) != len(names):  # one for all, or words with a comma
            values = [", ".join(values)] * len(names)
        found |= zip((name.strip("| `") for name in names), values, strict=True)
    return found


@pytest.mark.parametrize(("page", "file"), PAGES.items())
def test_a_table_of_settings_has_the_defaults_of_its_compose_file(page, file):
    compose = defaults(file)
    for name, written in table(page).items():
        value = re.fullmatch("`(.*)`", written)
        assert compose[name] == {value[1]} if value else compose[name] & IN_WORDS, name


def test_every_setting_of_a_compose_file_is_in_a_table():
    settings = set().union(*(defaults(file) for file in PAGES.values()))
    assert settings - NOT_FOR_USERS == set().union(*map(table, PAGES))


def test_the_memory_of_a_cluster_is_that_of_its_compose_file():
    (memory,) = defaults("docker-compose.yml")["CLUSTER_MEMORY"]
    assert f"`CLUSTER_MEMORY` ({memory})" in (ROOT / "docs/cluster.md").read_text(encoding="utf-8")


def test_the_choice_of_a_gpu_or_of_a_part_of_one_reaches_the_lab(tmp_path):
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("there is no docker compose")
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / ".env").write_text("CUDA_VISIBLE_DEVICES=MIG-1\n")
    environ = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    command = ["docker", "compose", "config", "--format", "json"]
    printed = subprocess.run(command, cwd=tmp_path, env=environ, check=True, capture_output=True).stdout
    assert json.loads(printed)["services"]["lab"]["environment"]["CUDA_VISIBLE_DEVICES"] == "MIG-1"
