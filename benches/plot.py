"""Draws the results as bars, in SVG."""

from html import escape

import report

WIDTH, LEFT, BAR, GAP = 900, 300, 16, 6
OURS, PEER, FLOOR = "#2a78b5", "#b9b9b9", "#e3dccb"


def plot(results):
    """Each case has its own scale: the longest bar is the slowest."""
    parts, y = [], 10
    for case in results["cases"]:
        parts.append(text(10, y + BAR, case["title"], "bold"))
        y += 2 * BAR
        told = [(row, report.summary(row)) for row in case["rows"]]
        scale = (WIDTH - LEFT - 130) / max(summary["most"] for _, summary in told)
        for row, summary in told:
            parts += bar(y, row, summary, scale)
            y += BAR + GAP
        y += BAR
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
            f'font-family="sans-serif" font-size="13">\n'
            f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")


def bar(y, row, summary, scale):
    """A bar as long as the median, with a line from the least to the most."""
    colour = OURS if report.is_ours(row) else FLOOR if row["floor"] else PEER
    middle = y + BAR / 2
    least, most = LEFT + summary["least"] * scale, LEFT + summary["most"] * scale
    return [
        text(10, y + BAR - 3, row["name"]),
        f'<rect x="{LEFT}" y="{y}" width="{summary["wall"] * scale:.1f}" height="{BAR}" '
        f'fill="{colour}"/>',
        f'<line x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}" stroke="black"/>',
        text(most + 6, y + BAR - 3, f'{summary["wall"]:.3f} s'),
    ]


def text(x, y, words, weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}">{escape(words)}</text>'
