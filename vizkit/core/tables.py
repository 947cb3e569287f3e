"""Tables of numbers that are typed by hand."""


def parse_rows(text: str) -> tuple[tuple[float, ...], ...]:
    """Read rows of numbers, a line each; empty lines are skipped.

    Numbers are separated by spaces, tabs, commas or semicolons.

    Raises
    ------
    ValueError
        Naming the line that is no row of numbers or has another length than the first.
    """
    rows: list[tuple[float, ...]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(",", " ").replace(";", " ").split()
        if not words:
            continue
        try:
            rows.append(tuple(map(float, words)))
        except ValueError as error:
            raise ValueError(f"line {number} must be numbers, got {line.strip()!r}") from error
        if len(rows[-1]) != len(rows[0]):
            raise ValueError(f"line {number} must have {len(rows[0])} numbers like the first, got {len(rows[-1])}")
    return tuple(rows)
