"""Bar pictures as SVG, without a library: a row for each work, a bar for each make, a whisker from least to most."""

from xml.sax.saxutils import escape

COLOURS = {"floor": "#b8bec6", "redis": "#d2693c", "valkey": "#4f9d69", "holdfast": "#2f6db5"}
WIDTH, RIGHT, LETTER = 900, 110, 6.8
BAR, GAP, ROW_GAP, HEAD = 15, 3, 16, 66


def bars(title, subtitle, titles, rows):
    """`rows` is [(label, [(make, value, least, most, shown text)])]; all values share one scale, from zero."""
    makes = list(dict.fromkeys(make for _, cells in rows for make, *_ in cells))
    labels = round(max(len(label) for label, _ in rows) * LETTER) + 24  # room for the words left of the bars
    largest = max(most for _, cells in rows for _, _, _, most, _ in cells) or 1
    scale = (WIDTH - labels - RIGHT) / largest
    parts = []
    y = HEAD
    for label, cells in rows:
        height = len(cells) * (BAR + GAP)
        parts.append(text(labels - 10, y + height / 2 + 3, label, anchor="end"))
        for make, value, least, most, shown in cells:
            middle = y + BAR / 2
            width = max(value * scale, 1)
            parts.append(f'<rect x="{labels}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" fill="{COLOURS[make]}"/>')
            if most > least:
                left, right = labels + least * scale, labels + most * scale
                path = f"M{left:.1f} {middle - 3:.1f}v6m0 -3H{right:.1f}m0 -3v6"
                parts.append(f'<path d="{path}" stroke="#222" stroke-width="1" fill="none"/>')
            parts.append(text(labels + max(value, most) * scale + 6, middle + 4, shown, size=11))
            y += BAR + GAP
        y += ROW_GAP
    legend, x = [], labels
    for make in makes:
        legend.append(f'<rect x="{x}" y="{HEAD - 20}" width="11" height="11" fill="{COLOURS[make]}"/>')
        legend.append(text(x + 16, HEAD - 10, titles[make], size=12))
        x += 34 + 7 * len(titles[make])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y:.0f}" viewBox="0 0 {WIDTH} {y:.0f}" '
        'font-family="Helvetica, Arial, sans-serif">\n'
        f'<rect width="{WIDTH}" height="{y:.0f}" fill="#fff"/>\n'
        f'{text(12, 22, title, size=16, weight="bold")}\n{text(12, 40, subtitle, size=12, fill="#555")}\n'
        + "\n".join(legend + parts)
        + f'\n<path d="M{labels} {HEAD - 2}V{y - ROW_GAP + 2:.0f}" stroke="#888" fill="none"/>\n</svg>\n'
    )


def text(x, y, content, size=13, anchor="start", weight="normal", fill="#222"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{fill}">{escape(content)}</text>'
    )
