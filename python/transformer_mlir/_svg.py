"""Charts as inline SVG, coloured by the page's CSS variables.

Every text is escaped here. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import html
import math

COLOURS = 8  # --c0 to --c7 of the style


def esc(text):
    return html.escape(str(text), quote=True)


def num(value):
    """A number as a person writes it."""
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if size and not 1e-3 <= size < 1e6:
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.{3 if size < 10 else 1 if size < 1000 else 0}f}"


def tick(value):
    return f"{value:g}".replace("e-0", "e-").replace("e+0", "e")


def si(count, unit):
    """1434599424, 'B' as '1.43 GB'."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= factor:
            return f"{count / factor:.3g} {prefix}{unit}"
    return f"{count:.3g} {unit}"


class Axis:
    """Values to positions; logarithmic if asked and possible."""

    def __init__(self, values, begin, end, log=False, zero=False):
        values = [v for v in values if math.isfinite(v)] or [0.0]
        self.log = log and max(values) > 0
        values = [v for v in values if v > 0] if self.log else values
        low, high = min(values), max(values)
        if self.log:
            low, high = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
            high = max(high, low + 1)
            step = max(1, math.ceil((high - low) / 6))
            self.ticks = [(10.0 ** e) for e in range(low, high + 1, step)]
        else:
            low = min(0.0, low) if zero else low
            span = (high - low) or abs(high) or 1.0
            step = 10 ** math.floor(math.log10(span / 4))
            step *= next(m for m in (1, 2, 2.5, 5, 10) if span / (m * step) <= 5.001)
            low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
            high = high if high > low else low + step
            self.ticks = [low + i * step for i in range(int(round((high - low) / step)) + 1)]
        self.low, self.high, self.begin, self.end = low, high, begin, end

    def __call__(self, value):
        value = math.log10(value) if self.log else value
        return self.begin + (self.end - self.begin) * (value - self.low) / (self.high - self.low)


def widened(values):
    """A little room beyond the outermost values, but none below zero for what is not."""
    room = 0.03 * (max(values) - min(values))
    return [max(min(values) - room, min(0.0, min(values))), max(values) + room]


def text(x, y, content, anchor="start", kind="", title=None):
    inner = (f"<title>{esc(title)}</title>" if title else "") + esc(content)
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{inner}</text>'


def svg(width, height, parts, label):
    return (f'<svg viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{esc(label)}" '
            f'style="max-width:{width}px">{"".join(parts)}</svg>')


def cut(name, length):
    """A long name keeps its end, which tells it apart."""
    return name if len(name) <= length else "…" + name[-length + 1:]


def bars(rows, label, form, width=900, names=250, log=False, legend=()):
    """Horizontal bars: rows of (name, values); a bar per value, in the colours of `legend`."""
    rows = list(rows)
    height = max(len(values) for _, values in rows)
    step = 12 * height + 8
    top = 24 if legend else 4
    axis = Axis([v for _, values in rows for v in values if v is not None and (v > 0 or not log)], names, width - 90,
                log, zero=True)
    parts = [f'<line x1="{axis(t):.1f}" x2="{axis(t):.1f}" y1="{top}" y2="{top + step * len(rows)}" class="grid"/>'
             for t in axis.ticks]
    x = names
    for index, name in enumerate(legend):
        parts += [f'<rect x="{x:.1f}" y="4" width="10" height="10" rx="2" class="f{index}"/>', text(x + 15, 13, name)]
        x += 30 + 7 * len(name)
    for row, (name, values) in enumerate(rows):
        y = top + step * row + 4
        parts.append(text(names - 10, y + 6 * height + 4, cut(name, 36), "end", "name", name))
        for index, value in enumerate(values):
            if value is None:
                continue
            end = axis(value) if value > 0 or not log else names
            parts.append(f'<rect x="{names}" y="{y + 12 * index}" width="{max(1.0, end - names):.1f}" height="10" rx="2" '
                         f'class="f{index}"><title>{esc(name)}: {esc(form(value))}</title></rect>')
            parts.append(text(max(end, names + 1) + 6, y + 12 * index + 9, form(value), kind="value"))
    return svg(width, top + step * len(rows) + 4, parts, label)


def frame(x, y, width, height, labels):
    """Grid, ticks and the labels of both axes."""
    left, top, right, bottom = 70, 14, width - 20, height - 42
    parts = []
    for t in y.ticks:
        parts += [f'<line x1="{left}" x2="{right}" y1="{y(t):.1f}" y2="{y(t):.1f}" class="grid"/>',
                  text(left - 8, y(t) + 4, tick(t), "end", "value")]
    for t in x.ticks:
        parts += [f'<line x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{top}" y2="{bottom}" class="grid"/>',
                  text(x(t), bottom + 16, tick(t), "middle", "value")]
    middle = (top + bottom) / 2
    return parts + [text((left + right) / 2, height - 6, labels[0], "middle", "axis"),
                    f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle" class="axis">'
                    f'{esc(labels[1])}</text>']


def lines(series, labels, label, width=900, height=300, log=(False, False)):
    """Curves: [(name, [(x, y)])]; names are listed below by the caller's legend."""
    points = [p for _, found in series for p in found]
    x = Axis([p[0] for p in points], 70, width - 20, log[0])
    y = Axis([p[1] for p in points], height - 42, 14, log[1])
    parts = frame(x, y, width, height, labels)
    for index, (name, found) in enumerate(series):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in found
                        if (a > 0 or not x.log) and (b > 0 or not y.log))
        parts.append(f'<polyline points="{path}" class="line s{index % COLOURS}"><title>{esc(name)}</title></polyline>')
        if len(found) <= 40:
            parts += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" class="f{index % COLOURS}"><title>{esc(name)}: {num(a)}, '
                      f'{num(b)}</title></circle>' for a, b in found if (a > 0 or not x.log) and (b > 0 or not y.log)]
    return svg(width, height, parts, label)


def scatter(points, labels, label, width=900, height=320, log=(False, False)):
    """Named points: [(name, x, y, chosen)]; the chosen one is filled."""
    x = Axis(widened([p[1] for p in points]), 70, width - 20, log[0])
    y = Axis(widened([p[2] for p in points]), height - 42, 14, log[1])
    parts, taken = frame(x, y, width, height, labels), []
    for name, a, b, chosen in points:
        parts.append(f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="{6 if chosen else 4.5}" '
                     f'class="{"chosen" if chosen else "point"}"><title>{esc(name)}: {num(a)}, {num(b)}</title></circle>')
        reach = 7 * len(name) + 12
        right = x(a) + reach < width - 20
        low, high = (x(a), x(a) + reach) if right else (x(a) - reach, x(a))
        if not name or any(low < t[1] and high > t[0] and abs(y(b) - t[2]) < 14 for t in taken):
            continue  # its name would lie over another; the title has it
        taken.append((low, high, y(b)))
        parts.append(text(x(a) + (10 if right else -10), y(b) + 4, name, "start" if right else "end",
                          "strong" if chosen else "value"))
    return svg(width, height, parts, label)


def heatmap(rows, columns, values, label, width=900):
    """A cell per value, darker for more."""
    left, cell = 190, min(48.0, (width - 210) / max(1, len(columns)))
    flat = [v for row in values for v in row if v is not None and math.isfinite(v)] or [0.0]
    low, high = min(flat), max(flat)
    parts = [text(left + cell * (i + 0.5), 12, cut(str(name), 6), "middle", "value") for i, name in enumerate(columns)]
    for r, (name, row) in enumerate(zip(rows, values)):
        y = 20 + 22 * r
        parts.append(text(left - 10, y + 15, cut(str(name), 28), "end", "name", name))
        for c, value in enumerate(row):
            if value is None or not math.isfinite(value):
                continue
            share = (value - low) / (high - low) if high > low else 1.0
            parts.append(f'<rect x="{left + cell * c + 1:.1f}" y="{y}" width="{cell - 2:.1f}" height="20" rx="2" class="f0" '
                         f'fill-opacity="{0.08 + 0.92 * share:.2f}"><title>{esc(name)}, {esc(columns[c])}: '
                         f'{num(float(value))}</title></rect>')
    return svg(width, 26 + 22 * len(rows), parts, label)
