"""The instructor's plans as HTML: for the start page, `vizkit present` and the site."""

from vizkit import questions
from vizkit.core.plans import plans
from vizkit.figures.course import plan_table
from vizkit.figures.raster import Html


def folded_plan(notebook: str, title: str = "For the instructor: a plan of 90 minutes") -> Html:
    """Return a notebook's plan behind its title, the 45-minute path marked; nothing if it has none.

    Parameters
    ----------
    notebook : str
        Such as ``"02_pca"``.
    title : str
    """
    parts = plans().get(notebook, ())
    if not parts:
        return Html("")
    asked = {name: getattr(questions, name).asked for part in parts for name in part.questions}
    return Html(f"<details><summary>{title}</summary>{plan_table(parts, asked)}</details>")


def folded_plans() -> Html:
    """Return all plans, each behind its notebook's name."""
    return Html("".join(folded_plan(name, name) for name in plans()))
