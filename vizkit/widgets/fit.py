"""How large pictures and charts are shown, so that a panel can be seen without scrolling."""

from collections.abc import Mapping

#: Of what a panel shows, at the width of a page of 1,200 px; the rest of it is bar and controls.
CANVAS, HEIGHT = 790, 640


def fitting(
    sizes: Mapping[str, tuple[int, int, bool]], words: Mapping[str, int], rows: list[list[str]], width: int
) -> float:
    """Return the share of their own size at which pictures and charts fit a canvas.

    Parameters
    ----------
    sizes : mapping of str to (int, int, bool)
        Width, height, and whether it can shrink.
    words : mapping of str to int
        Height of the captions.
    rows : list of list of str
        The layout; empty for side by side, wrapping.
    width : int
        Of the canvas.
    """
    for percent in range(100, 19, -2):
        share = percent / 100
        now = {
            name: (wide * share, high * share + words.get(name, 0)) if shrinks else (wide, high + words.get(name, 0))
            for name, (wide, high, shrinks) in sizes.items()
        }
        laid = rows or _wrapped(now, width)
        shrinking = [row for row in laid if any(sizes[name][2] for name in row)] or laid
        widest = max(sum(now[name][0] + 16 for name in dict.fromkeys(row)) for row in shrinking)
        if sum(_heights(now, laid)) + 8 * len(laid) <= HEIGHT and widest <= width + 16:
            return share
    return 0.2


def _heights(sizes: Mapping[str, tuple[float, float]], rows: list[list[str]]) -> list[float]:
    """Return the height of each row; what stands in several rows fills them together."""
    places = {name: [i for i, row in enumerate(rows) if name in row] for name in sizes}
    found = [0.0] * len(rows)
    for name, of in sorted(places.items(), key=lambda one: len(one[1])):
        if of:
            missing = sizes[name][1] - sum(found[i] for i in of)
            found[of[-1]] += max(missing, 0)
    return found


def _wrapped(sizes: Mapping[str, tuple[float, float]], width: int) -> list[list[str]]:
    """Return which items stand side by side where they wrap at a width."""
    rows: list[list[str]] = [[]]
    for name, (wide, _) in sizes.items():
        if rows[-1] and sum(sizes[one][0] + 16 for one in rows[-1]) + wide > width:
            rows.append([])
        rows[-1].append(name)
    return rows
