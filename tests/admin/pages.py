"""What a page says to a browser, read by an HTML parser."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Element:
    """A start tag, and inside which others it stands."""

    tag: str
    attributes: dict[str, str]
    ancestors: tuple[str, ...]


@dataclass
class Page:
    """The start tags of a page, in order, and its title."""

    elements: list[Element] = field(default_factory=list)
    title: str = ""

    def all(self, tag: str, *, within: str | None = None) -> list[Element]:
        """The elements of this name."""
        return [
            element
            for element in self.elements
            if element.tag == tag and (within is None or within in element.ancestors)
        ]


class _Reader(HTMLParser):
    _VOID = frozenset({"meta", "link", "input", "br", "hr", "img", "use"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.elements.append(Element(tag, attributes, tuple(self._open)))
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.elements.append(Element(tag, attributes, tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title" and "svg" not in self._open:
            self.page.title += data


def read(html: str) -> Page:
    """The page as the parser sees it."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


def links_of(html: str, *, within: str | None = None) -> list[str]:
    """The addresses that the page's links lead to."""
    return [link.attributes["href"] for link in read(html).all("a", within=within)]
