"""Line charts as SVG: one panel under the other, the first axis logarithmic, the second from 0 or logarithmic."""

import math
from dataclasses import dataclass

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 80, 110, 40, 56
COLOURS = ["#8a8f98", "#0a5fb4", "#7fb2e5"]
GRID, INK = "#dddddd", "#222222"


@dataclass
class Panel:
    title: str
    below: str
    # Name: points.
    lines: dict
    log_y: bool = False

    def values(self, axis):
        return [point[axis] for points in self.lines.values() for point in points]


def short(value):
    """1500 as 1.5k, 4194304 as 4Mi: whole powers of two read better so."""
    if value >= 1024 and value % 1024 == 0:
        return f"{value // 1024}Ki" if value < 1 << 20 else f"{value // (1 << 20)}Mi"
    if value >= 1000:
        return f"{value / 1000:g}k"
    return f"{value:g}"


def ticks_from_zero(most):
    """Four to eight round steps from 0 to `most` or a little more."""
    step = 10 ** math.floor(math.log10(most))
    step = next(step * part for part in (0.1, 0.2, 0.25, 0.5, 1, 2) if most / (step * part) <= 7)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def decades(least, most):
    return [10.0 ** power for power in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)]


class Axis:
    """From values to places."""

    def __init__(self, first, last, begin, end, log):
        self.scale = math.log10 if log else float
        self.first, self.last = self.scale(first), self.scale(last)
        self.begin, self.end = begin, end

    def place(self, value):
        part = (self.scale(value) - self.first) / ((self.last - self.first) or 1)
        return self.begin + part * (self.end - self.begin)


def text(x, y, content, anchor="middle", weight="normal", fill=INK):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}">{content}</text>'


def stroke(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def draw_panel(panel, top):
    bottom = top + HEIGHT - BOTTOM
    places = sorted(set(panel.values(0)))
    values = panel.values(1)
    ticks = decades(min(values), max(values)) if panel.log_y else ticks_from_zero(max(values))
    across = Axis(places[0], places[-1], LEFT, WIDTH - RIGHT, log=True)
    up = Axis(ticks[0], ticks[-1], bottom, top + TOP, panel.log_y)
    parts = [text(LEFT, top + 22, panel.title, "start", "bold")]
    for tick in ticks:
        parts.append(stroke(LEFT, up.place(tick), WIDTH - RIGHT, up.place(tick), GRID))
        parts.append(text(LEFT - 8, up.place(tick) + 4, short(tick), "end"))
    for place in places:
        parts.append(stroke(across.place(place), bottom, across.place(place), bottom + 5, INK))
        parts.append(text(across.place(place), bottom + 19, short(place)))
    parts.append(stroke(LEFT, bottom, WIDTH - RIGHT, bottom, INK))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 38, panel.below))
    return parts + draw_lines(panel, across, up)


def draw_lines(panel, across, up):
    parts, ends = [], []
    for colour, (name, points) in zip(COLOURS, panel.lines.items()):
        spots = [(across.place(x), up.place(y)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]
        ends.append([spots[-1][1], name, colour])
    # Names at the ends of lines that nearly meet are moved apart.
    ends.sort()
    for above, below in zip(ends, ends[1:]):
        below[0] = max(below[0], above[0] + 15)
    parts += [text(WIDTH - RIGHT + 10, y + 4, name, "start", "bold", colour) for y, name, colour in ends]
    return parts


def svg(panels):
    parts = [part for number, panel in enumerate(panels) for part in draw_panel(panel, number * HEIGHT)]
    height = HEIGHT * len(panels)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *parts,
        "</svg>\n",
    ])
