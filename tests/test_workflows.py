"""What the workflows, the scripts and the README say of the same thing agrees."""

import re
from pathlib import Path

import pytest
import yaml

import lxmls_rnn

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="the image holds no workflows")


def test_every_base_that_make_gpu_chooses_is_published():
    """With CUDA from packages where that is meant; and the one without CUDA. Everybody's default is the same."""
    script = (ROOT / "scripts" / "gpu.sh").read_text()
    default, plain = (re.search(rf"^{name}=(\S+)", script, re.MULTILINE)[1] for name in ("default", "plain"))
    jobs = yaml.safe_load((ROOT / ".github/workflows/image.yml").read_text())["jobs"]
    published = {(row["base"], row["cuda"]) for row in jobs["image"]["strategy"]["matrix"]["include"]}
    assert published == {(default, ""), (plain, "wheels"), (plain, "")}
    assert re.search(r"BASE_IMAGE=(\S+)", (ROOT / "docker" / "Dockerfile").read_text())[1] == default
    assert f"${{BASE_IMAGE:-{default}}}" in (ROOT / "docker-compose.yml").read_text()
    assert f"\nFROM {default}\n" in (ROOT / ".github/base/Dockerfile").read_text()  # which Dependabot follows
    assert default in (ROOT / "docs" / "image.md").read_text()


def test_actions_are_pinned_to_a_commit_and_say_which_version_it_is():
    lines = [line.strip() for file in WORKFLOWS for line in file.read_text().splitlines()]
    uses = [line for line in lines if "uses:" in line and "uses: ./" not in line]  # but for our own workflows
    assert uses
    assert [line for line in uses if not re.fullmatch(r"(- )?uses: [\w/-]+@[0-9a-f]{40} # v[\d.]+", line)] == []


MAY_WRITE = {
    ("image", "image"): {"packages"},
    ("release", "image"): {"packages"},  # calls the one above
    ("release", "publish"): {"contents"},
    ("release", "site"): {"pages", "id-token"},
}


def test_only_the_jobs_that_publish_may_write():
    for file in WORKFLOWS:
        workflow = yaml.safe_load(file.read_text())
        assert set(workflow["permissions"].values() if workflow["permissions"] else ()) <= {"read"}
        for name, job in workflow["jobs"].items():
            writes = {what for what, right in job.get("permissions", {}).items() if right == "write"}
            assert writes == MAY_WRITE.get((file.stem, name), set())


def test_package_and_citation_have_the_same_version():
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert lxmls_rnn.__version__ == version
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version


def test_the_image_is_built_with_the_uv_of_the_lock():
    version = re.search(r"^UV_VERSION=(.*)$", (ROOT / "docker/install-packages.sh").read_text(), re.MULTILINE)[1]
    assert f'name = "uv"\nversion = "{version}"\n' in (ROOT / "uv.lock").read_text()
