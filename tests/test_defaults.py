"""The tables of settings in the documentation have the defaults of the Compose files."""

import re

import pytest
from documentation import ROOT

if not (ROOT / "docs").is_dir():
    pytest.skip("the documentation is not in the image", allow_module_level=True)

PAGES = {"docs/image.md": "docker-compose.yml", "docs/classroom.md": "docker/jupyterhub/docker-compose.yml"}
DEFAULT = re.compile(r"(?=\$\{(\w+):-((?:[^{}]|\$\{[^{}]*\})*)\})")  # ${NAME:-default}, which may be nested
IN_WORDS = {"", "0", "$PWD/data", "${SSL_CERT_FILE:-/dev/null}", "/dev/null"}  # what a table calls none, for example
NOT_FOR_USERS = {"LAB_REVISION", "LAB_TAG", "SSL_CERT_FILE", "CLASS_VOLUMES"}


def defaults(file):
    """The defaults of each setting in a Compose file."""
    found = {}
    for name, default in DEFAULT.findall((ROOT / file).read_text(encoding="utf-8")):
        found.setdefault(name, set()).add(default)
    return found


def table(page):
    """The default of each setting in the table of a page, as it is written there."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (rows,) = re.findall(r"^\| setting \| default \| \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", text, re.MULTILINE)
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
