"""Work that students hand in: pack, collect, mark, and answer with a page."""
