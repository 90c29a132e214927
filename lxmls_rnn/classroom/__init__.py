"""A class: progress and its table; work that students hand in: pack, collect, mark, and answer with a page."""
