"""Markdown with formulas that need no script and no network: LaTeX becomes MathML."""

from html import escape

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

#: Where the part of a notebook begins that asserts and no longer shows.
CHECKS = "## Checks"
#: What the converter does not know, in words that it knows.
_SPELLED = {r"\arg\max": r"\operatorname{arg\,max}", r"\arg\min": r"\operatorname{arg\,min}"}


def mathml(latex: str, *, block: bool) -> str:
    """Return a formula as a ``<math>`` element, which browsers draw by themselves.

    A formula that the converter cannot read comes out as its LaTeX.
    """
    for command, spelled in _SPELLED.items():
        latex = latex.replace(command, spelled)
    try:
        return str(convert(latex, display="block" if block else "inline"))
    except Exception:
        return f"<code>{escape(latex)}</code>"


class FormulaRenderer(IPythonRenderer):
    """Jupyter's Markdown, the formulas as MathML."""

    def block_math(self, body: str) -> str:
        """Draw a formula on a line of its own."""
        return mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        """Draw a formula in a sentence."""
        return mathml(body, block=False)


def markdown(text: str) -> str:
    """Return a notebook's Markdown as HTML."""
    return str(MarkdownWithMath(renderer=FormulaRenderer(escape=False)).render(text))
