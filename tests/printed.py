"""What pages print to be copied, as a browser would copy it."""

import html
import re


def programs_on(page: str) -> dict[str, str]:
    """The texts of a page that have a Copy button of their own, by the names of their boxes."""
    boxes = re.findall(
        r'<pre tabindex="0" role="region" aria-label="([^"]+)"><code data-copy-text>(.*?)</code>',
        page,
        re.DOTALL,
    )
    return {name: html.unescape(re.sub(r"<[^>]*>", "", text)) for name, text in boxes}
