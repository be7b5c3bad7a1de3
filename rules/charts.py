"""Figures as pictures: SVG text for pages and for paper, in colours that colour-blind people tell apart.

Pure functions of what they are given. Nothing in a picture needs a style sheet, a script or a font of its own, so it
stands under the strictest Content-Security-Policy; whoever does not see it is read its title and its figures.
"""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.spec import Text

# Okabe and Ito: blue, orange, green, vermilion, purple, sky. The first two differ in grey, too.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
MARKED = "#D55E00"
GREY, FAINT = "#767676", "#D0D0D0"
WIDTH, LEFT, RIGHT, TOP = 640, 56, 46, 34
SIZE = 12                            # of letters
PLOT = 190                           # height of standing bars and lines
ROW, THICK, NAMES, ENDS = 26, 16, 150, 124   # of lying bars: a row, a bar, room for what they are called and for their figures
TICKS = 5
FOCUS = 0.8                          # the share of a Pareto that few causes make up
MOST = 30                            # bars that can be told apart
REST = Text("{title}（共 {count} 项，画出 {most} 项）", "{title} ({most} of {count} shown)")
NOTHING = "—"
IN_FOCUS = Text("重点（累计到 80% 为止）", "In focus: what adds up to 80%")
THIS_ONE = Text("本单", "This record")
FLAT = 36                            # room for two lines of names
TILTED = 118                         # the longest name that leans below a bar, and how deep it reaches
DEEP = 88


class Point(NamedTuple):
    """One bar or point: what it is called, its values, and how these are written."""

    label: str
    values: tuple[float | None, ...]
    texts: tuple[str, ...]
    is_marked: bool = False
    share: float | None = None       # of a Pareto: the share of this and all before it


@dataclass(frozen=True)
class Picture:
    """What a chart tells: `series` names each of a point's values."""

    title: str
    series: tuple[str, ...]
    points: tuple[Point, ...]
    name: str = "chart"              # no other picture of the page has it
    tick: Callable[[float], str] = "{:g}".format
    is_whole: bool = False           # counts: drawn from nothing, and no mark between two whole numbers
    marked: str = ""                 # what the marked points are, where the reader has to be told

    @property
    def told(self) -> str:
        """All figures in words."""
        return "; ".join(f"{point.label}: {' / '.join(text or NOTHING for text in point.texts)}"
                         + (f" ({point.share:.0%})" if point.share is not None else "")
                         + (f" [{self.marked}]" if self.marks and point.is_marked else "") for point in self.points)

    @property
    def marks(self) -> bool:
        """Some points are marked, and somebody could wonder why."""
        return bool(self.marked) and any(point.is_marked for point in self.points)

    @property
    def has_legend(self) -> bool:
        return len(self.series) > 1 or self.marks


def cut(title: str, points: Sequence[Point], language: str) -> tuple[str, tuple[Point, ...]]:
    """No more than can be told apart, and a title that says so. What matters is among them."""
    if len(points) <= MOST:
        return title, tuple(points)
    shown, later = list(points[:MOST]), [point for point in points[MOST:] if point.is_marked]
    shown[MOST - len(later):] = later[:MOST]
    return REST.with_(title=title, count=len(points), most=MOST).in_(language), tuple(shown)


def placed(points: Iterable[Point]) -> list[Point]:
    """The highest first, each with its place before its name; equals share one."""
    ordered = sorted(points, key=lambda point: -(point.values[0] or 0))
    places: dict[float | None, int] = {}
    for n, point in enumerate(ordered, 1):
        places.setdefault(point.values[0], n)
    return [point._replace(label=f"{places[point.values[0]]}. {point.label}") for point in ordered]


# Lying bars -------------------------------------------------------------------------------------------------------

def bars(picture: Picture) -> str:
    """A row per point, with a bar for each of its values."""
    thick = THICK if len(picture.series) == 1 else SIZE + 1
    row = max(ROW, thick * len(picture.series) + 8)
    scale = _lying(_highest(picture))

    def drawn(point: Point, y: float) -> Iterator[str]:
        top = y + (row - thick * len(point.values)) / 2
        for n, (value, text) in enumerate(zip(point.values, point.texts, strict=True)):
            colour = MARKED if point.is_marked else _colour(n)
            yield _bar(NAMES, top + n * thick, scale(value or 0), thick - 1, colour, f"{point.label}: {text}")
            yield _text(NAMES + scale(value or 0) + 6, top + n * thick + thick / 2 + 4, text or NOTHING)
    return _rows(picture, row, drawn)


def stacked(picture: Picture) -> str:
    """A row per point, its values one behind the other."""
    scale = _lying(max((sum(value or 0 for value in point.values) for point in picture.points), default=0))

    def drawn(point: Point, y: float) -> Iterator[str]:
        x: float = NAMES
        for n, (value, text) in enumerate(zip(point.values, point.texts, strict=True)):
            width = scale(value or 0)
            yield _bar(x, y + 5, width, ROW - 10, _colour(n), f"{point.label}, {picture.series[n]}: {text}")
            x += width
        yield _text(x + 6, y + ROW / 2 + 4, " + ".join(text or NOTHING for text in point.texts))
    return _rows(picture, ROW, drawn)


def _lying(highest: float) -> Callable[[float], float]:
    room = WIDTH - NAMES - ENDS
    return lambda value: max(0.0, value) / highest * room if highest else 0.0


def _rows(picture: Picture, row: int, drawn: Callable[[Point, float], Iterable[str]]) -> str:
    top = TOP if picture.has_legend else 10
    parts = list(_legend(picture, MARKED))
    for n, point in enumerate(picture.points):
        y = top + n * row
        label = _shortened(point.label, NAMES - 12)
        parts += [_text(NAMES - 8, y + row / 2 + 4, label, anchor="end", told=point.label), *drawn(point, y)]
    height = top + len(picture.points) * row + 6
    parts.append(_line(NAMES, top, NAMES, height - 6, GREY))
    return _svg(picture, height, parts)


# Standing bars and lines ------------------------------------------------------------------------------------------

def pareto(picture: Picture) -> str:
    """Falling bars, the running share as a line on the right scale, and the mark at 80 %."""
    ground, values = TOP + PLOT, _axis(picture)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(picture.points))
    parts = [*_legend(picture, COLOURS[0]), *_grid(values, picture.tick), *_shares()]
    line, room = [], _room_below(picture, step)
    for n, point in enumerate(picture.points):
        middle = LEFT + (n + 0.5) * step
        high = _high(point.values[0] or 0, values)
        wide = min(60.0, step * 0.7)
        parts.append(_bar(middle - wide / 2, ground - high, wide, high, COLOURS[0] if point.is_marked else COLOURS[5],
                          f"{point.label}: {point.texts[0]}"))
        parts.append(_text(middle, ground - high - 5, point.texts[0], anchor="middle"))
        parts += _below(middle, ground, point.label, step, is_tilted=room > FLAT)
        if point.share is not None:
            line.append((middle, ground - point.share * PLOT, f"{point.label}: {point.share:.0%}"))
    return _svg(picture, ground + room, [*parts, *_curve(line, COLOURS[3])])


def _shares() -> Iterator[str]:
    for share in (0.0, FOCUS, 1.0):
        yield _text(WIDTH - RIGHT + 6, TOP + PLOT * (1 - share) + 4, f"{share:.0%}")
    yield _line(LEFT, TOP + PLOT * (1 - FOCUS), WIDTH - RIGHT, TOP + PLOT * (1 - FOCUS), COLOURS[3], dashed=True)


def trend(picture: Picture) -> str:
    """A line for each value over the points, from left to right; where a value is missing the line is interrupted."""
    ground, count = TOP + PLOT, max(1, len(picture.points))
    values = _axis(picture, _low(picture))
    step = (WIDTH - LEFT - RIGHT) / count
    parts, room = [*_legend(picture), *_grid(values, picture.tick)], _room_below(picture, step)
    for n, point in enumerate(picture.points):
        parts += _below(LEFT + (n + 0.5) * step, ground, point.label, step, is_tilted=room > FLAT)
    for which in range(len(picture.series)):
        run: list[tuple[float, float, str]] = []
        for n, point in enumerate(picture.points):
            value = point.values[which]
            if value is None:
                parts += _curve(run, _colour(which))
                run = []
                continue
            x, y = LEFT + (n + 0.5) * step, ground - _high(value, values)
            run.append((x, y, f"{point.label}: {point.texts[which]}"))
            is_valley = _is_valley([near.values[which] for near in picture.points[max(0, n - 1):n + 2]], value)
            parts.append(_text(x, y + 17 if is_valley else y - 9, point.texts[which], anchor="middle"))
        parts += _curve(run, _colour(which))
    return _svg(picture, ground + room, parts)


def _is_valley(near: Iterable[float | None], value: float) -> bool:
    """The line comes from above and goes up again: there is room for the figure below it only."""
    return all(one is None or one >= value for one in near) and any(one is not None and one > value for one in near)


def _axis(picture: Picture, low: float = 0.0) -> tuple[float, ...]:
    """Even marks from `low` or below it to the highest value or above it."""
    highest = _highest(picture)
    step = _step((highest - low) or highest or 1)
    if picture.is_whole:
        step = max(1.0, step)
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(highest / step - 1e-9))
    return tuple(n * step for n in range(first, last + 1))


def _low(picture: Picture) -> float:
    """Where a line begins: at nothing; what lies far above it and close together, a little below the least."""
    found = [value for point in picture.points for value in point.values if value is not None]
    least, most = min(found, default=0), max(found, default=0)
    return 0.0 if picture.is_whole or least < most / 2 or least == most else max(0.0, least - (most - least) / 4)


def _step(span: float) -> float:
    """1, 2 or 5 times a power of ten, so that a handful of them make up the span."""
    raw = span / TICKS
    power = 10 ** math.floor(math.log10(raw))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= raw - 1e-12)


def _high(value: float, axis: Sequence[float]) -> float:
    return min(1.0, max(0.0, (value - axis[0]) / (axis[-1] - axis[0]))) * PLOT


def _grid(axis: Sequence[float], tick: Callable[[float], str]) -> Iterator[str]:
    for value in axis:
        y = TOP + PLOT - _high(value, axis)
        yield _line(LEFT, y, WIDTH - RIGHT, y, GREY if value == axis[0] else FAINT)
        yield _text(LEFT - 6, y + 4, tick(value), anchor="end")


def _room_below(picture: Picture, step: float) -> int:
    """Names that are too long for two lines under their bars lean, all of them; cut off they would all be alike."""
    rests = (_broken(point.label, step - 4)[1] for point in picture.points)
    return FLAT + DEEP if any(_width(rest) > step - 4 for rest in rests) else FLAT


def _below(x: float, ground: float, label: str, room: float, *, is_tilted: bool) -> Iterator[str]:
    """What a standing bar is called: leaning, or on two lines at most."""
    if is_tilted:
        shown = _text(0, 0, _shortened(label, TILTED), anchor="end", told=label)
        yield shown.replace("<text ", f'<text transform="translate({x + 4:.1f} {ground + 16:.1f}) rotate(-45)" ', 1)
        return
    first, rest = _broken(label, room - 4)
    yield _text(x, ground + 16, first.rstrip("-") if rest else first, anchor="middle", told=label)
    if rest:
        yield _text(x, ground + 31, _shortened(rest, room - 4), anchor="middle")


def _curve(points: Sequence[tuple[float, float, str]], colour: str) -> Iterator[str]:
    if len(points) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y, told in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}">{_told(told)}</circle>'


# Pieces -----------------------------------------------------------------------------------------------------------

def _svg(picture: Picture, height: float, parts: Iterable[str]) -> str:
    title, told = f"{picture.name}-title", f"{picture.name}-told"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="figures" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
            f'aria-labelledby="{title} {told}" font-size="{SIZE}" fill="currentColor">'
            f'<title id="{title}">{_plain(picture.title)}</title><desc id="{told}">{_plain(picture.told)}</desc>'
            f'{"".join(parts)}</svg>')


def _legend(picture: Picture, of_marked: str = "") -> Iterator[str]:
    """Which colour is which of several values, and what the marked ones are."""
    named = [(name, _colour(n)) for n, name in enumerate(picture.series)] if len(picture.series) > 1 else []
    named += [(picture.marked, of_marked)] if of_marked and picture.marks else []
    x: float = 8
    for name, colour in named:
        yield f'<rect x="{x:.0f}" y="6" width="12" height="12" fill="{colour}"/>'
        yield _text(x + 18, 16, name)
        x += 34 + _width(name)


def _bar(x: float, y: float, width: float, height: float, colour: str, told: str) -> str:
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{max(0.0, height):.1f}" '
            f'fill="{colour}">{_told(told)}</rect>')


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashes}/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", told: str = "") -> str:
    title = _told(told) if told and told != text else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{title}{_plain(text)}</text>'


def _told(text: str) -> str:
    return f"<title>{_plain(text)}</title>"


def _plain(text: str) -> str:
    """Nothing in it is markup, and nothing that XML knows no character for."""
    return html.escape("".join(c for c in text if c.isprintable() or c == " "))


def _colour(n: int) -> str:
    return COLOURS[n % len(COLOURS)]


def _highest(picture: Picture) -> float:
    return max((value for point in picture.points for value in point.values if value is not None), default=0)


def _width(text: str) -> float:
    """About how wide it is: a Chinese character is as wide as high."""
    return sum(SIZE if unicodedata.east_asian_width(c) in "WFA" else SIZE * 0.6 for c in text)


def _broken(text: str, room: float) -> tuple[str, str]:
    for n in range(len(text), 0, -1):
        if _width(text[:n]) <= room:
            return text[:n], text[n:]
    return text[:1], text[1:]


def _shortened(text: str, room: float) -> str:
    if _width(text) <= room:
        return text
    return _broken(text, room - SIZE)[0] + "…"


DRAWN: dict[str, Callable[[Picture], str]] = {
    "bars": bars, "stacked": stacked, "trend": trend, "pareto": pareto, "ranking": bars}
