"""The check of a site's links in `make docs`."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "check_site.py"
OTHER = '<h1 id="there">There</h1><a name="old"></a>'


def checked(site, page):
    """Write a page, and beside it OTHER, and check them; return the exit status and the lines without the folder."""
    (site / "sub").mkdir()
    (site / "sub" / "page.html").write_text(page)
    (site / "other page.html").write_text(OTHER)
    done = subprocess.run([sys.executable, SCRIPT, site], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.replace(f"{site.resolve()}/", "").splitlines()


def test_links_to_files_and_places_that_are_there_pass_and_others_sites_are_not_asked(tmp_path):
    links = ["../other%20page.html", "../other%20page.html?q=1#there", "../other%20page.html#old", "#", "#here",
             "page.html#here", "https://nowhere.invalid/page#place", "mailto:somebody@nowhere.invalid"]  # fmt: skip
    page = '<p id="here"></p><img src="data:image/png;base64,"><script src="page.html"></script><script>1</script>'
    assert checked(tmp_path, page + "".join(f'<a href="{link}">link</a>' for link in links)) == (0, [])


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ('<a href="missing.html">', "no file missing.html"),
        ('<a href="../sub">', "no file ../sub"),
        ('<a href="../other page.html#elsewhere">', "no place ../other page.html#elsewhere"),
        ('<a href="#elsewhere">', "no place #elsewhere"),
        ('<iframe src="missing.html?q=1"></iframe>', "no file missing.html?q=1"),
        ('<script src="https://cdn.invalid/a.js"></script>', "loads https://cdn.invalid/a.js from the network"),
        ('<link rel="stylesheet" href="//cdn.invalid/a.css">', "loads //cdn.invalid/a.css from the network"),
    ],
)
def test_a_broken_link_is_named_and_so_is_a_file_from_the_network(tmp_path, tag, fault):
    assert checked(tmp_path, tag) == (1, [f"sub/page.html: {fault}"])


def test_an_empty_site_fails(tmp_path):
    assert subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True).returncode == 1
