"""Check the links of a built site without a network: `check_site.py FOLDER`; exit status 1 if one is broken."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

RESOURCES = {"img": "src", "script": "src", "link": "href", "iframe": "src"}  # what a page loads; `a` is only a link


class SitePage(HTMLParser):
    """The names of the places of a page, and the addresses that it links to or loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids = {""}
        self.links: list[tuple[str, bool]] = []  # address, whether it is loaded
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the names and addresses of a tag."""
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found[name] for name in ("id", "name") if name in found}
        for name in {"href", RESOURCES.get(tag)} & found.keys():
            self.links.append((found[name], tag in RESOURCES))


def faults(site: Path) -> list[str]:
    """Return a line for each link to a missing file or place, and for each file that would come from the network."""
    pages = {file.resolve(): SitePage(file.read_text(encoding="utf-8")) for file in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site}: no pages"]
    for file, page in pages.items():
        for link, is_loaded in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                if is_loaded and address.scheme != "data":
                    found.append(f"{file}: loads {link} from the network")
                continue
            target = (file.parent / unquote(address.path)).resolve() if address.path else file
            if not target.is_file():
                found.append(f"{file}: no file {link}")
            elif target in pages and unquote(address.fragment) not in pages[target].ids:
                found.append(f"{file}: no place {link}")
    return found


if __name__ == "__main__":
    lines = faults(Path(sys.argv[1]))
    print(*lines, sep="\n", end="\n" * bool(lines))
    sys.exit(bool(lines))
