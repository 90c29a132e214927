"""What the tables in a piece of HTML show, cell by cell."""

import re
from html import unescape


def tables(html):
    """Give the rows of each table, and of each row the texts of its cells, headings included."""
    return [
        [
            [unescape(re.sub("<[^>]*>", "", cell)).strip() for cell in re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row)]
            for row in re.findall("<tr>(.*?)</tr>", table, re.DOTALL)
        ]
        for table in re.findall("<table.*?</table>", html, re.DOTALL)
    ]


def boxes(html):
    """Give each word in a box: whether its frame is dashed, the colour, the word and its tag."""
    box = r'<span class="lab-word( lab-faint)?" [^>]*background:([^"]*)">(.*?)<br><small>(.*?)</small>'
    return [(bool(faint), colour, unescape(word), unescape(tag)) for faint, colour, word, tag in re.findall(box, html)]
