"""A text as a picture for the camera of a phone, drawn with nothing that the CSP forbids."""

from dataclasses import dataclass

import segno

#: Modules of quiet around the code: ISO/IEC 18004 asks for four.
_BORDER = 4


@dataclass(frozen=True, slots=True)
class QrCode:
    """What an SVG needs."""

    #: Of both sides, in modules.
    size: int
    #: Of the dark modules.
    path: str


def draw_qr_code(text: str) -> QrCode:
    """The QR code of a text."""
    rows = [bytes(row) for row in segno.make(text, micro=False).matrix_iter(border=_BORDER)]
    parts = []
    for y, row in enumerate(rows):
        x = 0
        while (start := row.find(1, x)) >= 0:
            end = row.find(0, start)
            x = end if end >= 0 else len(row)
            parts.append(f"M{start} {y}h{x - start}v1H{start}z")
    return QrCode(len(rows), "".join(parts))
