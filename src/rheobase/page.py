"""A page of results in one file: a headline, a table, pictures."""

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; color: #222; }
h1 { font-weight: 600; }
strong { font-size: 2.6rem; font-weight: 600; }
table { border-collapse: collapse; margin: 1rem 0; }
th { text-align: left; font-weight: 600; }
td, th { padding: .15rem 1.2rem .15rem 0; border-bottom: 1px solid #ddd; }
figure { margin: 2rem 0; }
img { max-width: 100%; }
figcaption { color: #555; }
"""


def page(
    title: str,
    score: str,
    text: str,
    tables: Iterable[Sequence[Sequence[object]]],
    pictures: dict[Path, str],
) -> str:
    """The HTML of a page.

    `score` is what stands out, `text` goes on from it; each of the `tables` is a list of rows;
    `pictures` are PNG files, which become part of the page, and what they show.
    """
    escaped = html.escape
    shown = "".join(
        "<table>"
        + "".join(f"<tr>{''.join(f'<td>{escaped(str(x))}</td>' for x in row)}</tr>" for row in rows)
        + "</table>\n"
        for rows in tables
    )
    figures = "".join(
        f'<figure><img src="data:image/png;base64,{_encoded(file)}" alt="{escaped(caption)}">'
        f"<figcaption>{escaped(caption)}</figcaption></figure>\n"
        for file, caption in pictures.items()
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>rheobase: {escaped(title.lower())}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{escaped(title)}</h1>\n"
        f"<p><strong>{escaped(score)}</strong> {escaped(text)}</p>\n{shown}{figures}"
        f"</body>\n</html>\n"
    )


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
