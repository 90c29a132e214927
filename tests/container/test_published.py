"""An image that LAB_IMAGE names: taken as it is, pulled where it is missing, never built."""

import pytest

ELSEWHERE = "lxmls-rnn-elsewhere:1"
NOWHERE = "localhost:1/lxmls-rnn-lab:none"  # no registry answers there


@pytest.fixture
def published(lab):
    """Another name for the lab's image, as if it had been pulled."""
    lab.call("docker", "tag", lab.image, ELSEWHERE)
    yield ELSEWHERE
    lab.up()
    lab.call("docker", "rmi", ELSEWHERE)


def image_of(lab):
    return lab.call("docker", "inspect", "--format", "{{.Config.Image}}", lab.container()).stdout.strip()


def test_make_up_takes_it_instead_of_building(lab, published):
    with open(lab.folder / ".env", "a") as settings:
        settings.write(f"LAB_IMAGE={published}\n")
    try:
        output = lab.call("make", "up", cwd=lab.folder, env=lab.environ).stdout
        assert image_of(lab) == published
    finally:
        env = lab.folder / ".env"
        env.write_text("".join(line for line in env.open() if not line.startswith("LAB_IMAGE=")))
    assert "The lab is at" in output
    assert "exporting" not in output  # nothing was built


@pytest.mark.parametrize("options", [[], ["--build"]])
def test_one_that_cannot_be_pulled_is_not_built(lab, options):
    result = lab.compose("up", "--detach", *options, check=False, LAB_IMAGE=NOWHERE)
    assert result.returncode != 0
    assert "LAB_IMAGE in .env names an image to pull, not to build" in result.stdout
    assert lab.call("docker", "images", "--quiet", NOWHERE).stdout == ""


def test_pull_asks_the_registry(lab):
    result = lab.compose("pull", check=False, LAB_IMAGE=NOWHERE)
    assert result.returncode != 0
    assert "localhost:1" in result.stdout


def test_without_it_there_is_nothing_to_pull(lab):
    assert "No image to be pulled" in lab.compose("pull").stdout
