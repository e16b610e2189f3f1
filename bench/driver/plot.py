"""The ratios as a picture: a line for each row, a dot for each implementation.

The axis is logarithmic, so that twice as fast and twice as slow lie equally far from the base.
"""

import math
from html import escape

from driver.results import Results
from driver.text import times

COLOURS = {
    "asyncio": "#777777",
    "asyncio-eager": "#56b4e9",
    "uvloop": "#000000",
    "rloop": "#e69f00",
    "stook": "#d55e00",
    "stook-loop": "#cc79a7",
    "stook-eager": "#009e73",
    "least": "#0072b2",
}

LEFT, WIDTH, RIGHT = 190, 560, 30
TOP, LINE, BOTTOM = 50, 20, 40
TICKS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)


def svg(results: Results, base: str) -> str:
    """The picture of all timed rows, relative to the base."""
    rows = [row for row in results.rows if row.timed]
    dots = [
        (place, row.name, engine.name, ratio)
        for place, row in enumerate(rows)
        for engine in results.engines
        if (ratio := results.ratio(row, engine.name, base))
    ]
    low = min((ratio for *_, ratio in dots), default=1) / 1.15
    high = max((ratio for *_, ratio in dots), default=1) * 1.15
    bottom = TOP + LINE * len(rows)

    def across(ratio: float) -> float:
        return LEFT + WIDTH * math.log(ratio / low) / math.log(high / low)

    parts = [_legend(results, base)]
    for tick in TICKS:
        if low <= tick <= high:
            x = across(tick)
            stroke = "#000000" if tick == 1 else "#dddddd"
            parts.append(f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="{stroke}"/>')
            parts.append(
                f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>'
            )
    for place, row in enumerate(rows):
        y = _height(place)
        parts.append(f'<path d="M{LEFT} {y}H{LEFT + WIDTH}" stroke="#eeeeee"/>')
        name = escape(row.name)
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{name}</text>')
    for place, row_name, name, ratio in dots:
        title = escape(f"{row_name}/{name}: {times(ratio)} × {base}")
        parts.append(
            f'<circle cx="{across(ratio):.1f}" cy="{_height(place)}" r="5" '
            f'fill="{COLOURS[name]}"><title>{title}</title></circle>'
        )
    return _picture(parts, bottom + BOTTOM)


def _legend(results: Results, base: str) -> str:
    parts = [f'<text x="10" y="20">Times faster than {escape(base)} (more is better)</text>']
    x = LEFT
    for engine in results.engines:
        parts.append(f'<circle cx="{x}" cy="36" r="5" fill="{COLOURS[engine.name]}"/>')
        parts.append(f'<text x="{x + 9}" y="40">{escape(engine.name)}</text>')
        x += 30 + 8 * len(engine.name)
    return "\n".join(parts)


def _height(place: int) -> int:
    return TOP + LINE * place + LINE // 2


def _picture(parts: list[str], height: int) -> str:
    width = LEFT + WIDTH + RIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
