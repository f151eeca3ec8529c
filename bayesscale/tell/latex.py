"""Tables of results for papers."""

from typing import Any

from bayesscale import _arguments
from bayesscale._sections import Result, Table, cell_lines
from bayesscale.errors import DomainError

SYMBOLS = {"×": r"$\times$", "→": r"$\to$", "±": r"$\pm$", "−": r"$-$", "∞": r"$\infty$",
           "–": "--", "…": r"\dots{}", "π": r"$\pi$"}  # fmt: skip
"""Characters of our tables that old LaTeX does not have."""


def to_latex(result: Result, *, caption: str | None = None, label: str | None = None) -> str:
    """Write the first table of a result in LaTeX, with booktabs.

    Parameters
    ----------
    result
        A fit, an answer, a comparison or anything else that shows a table.
    caption
        Caption; without one, and without a label, only the ``tabular`` is written.
    label
        Label to refer to it by.

    Returns
    -------
    str
        LaTeX that needs the package booktabs. Cells are those that the terminal shows.

    Raises
    ------
    DomainError
        If ``result`` has no table, or caption or label are no text.

    Examples
    --------
    >>> print(bs.to_latex(fit, caption="Chinchilla's law", label="tab:law"))  # doctest: +SKIP
    """
    import pandas as pd

    if not isinstance(result, Result):
        raise DomainError(
            f"Expected a result of bayesscale, such as a fit, not {type(result).__name__}."
        )
    for name, text in (("caption", caption), ("label", label)):
        if text is not None:
            _arguments.text(name, text)
    tables = [section for section in result.sections() if isinstance(section, Table)]
    if not tables:
        raise DomainError(f"{type(result).__name__} has no table.")
    table = tables[0]
    frame = pd.DataFrame([[_cell(cell) for cell in row] for row in table.rows],
                         columns=[str(title) for title in table.columns])  # fmt: skip
    style = frame.style.hide(axis="index").format(escape="latex")
    style = style.format_index(escape="latex", axis="columns")
    aligned = "l" + "r" * (len(frame.columns) - 1)
    options: dict[str, Any] = {"hrules": True, "column_format": aligned}
    if caption is not None or label is not None:
        options |= {"caption": caption, "label": label, "position_float": "centering"}
    written = style.to_latex(**options)
    for symbol, latex in SYMBOLS.items():
        written = written.replace(symbol, latex)
    return written


def _cell(cell: str) -> str:
    """Write ``median (interval)`` where a cell has two lines."""
    first, *rest = cell_lines(cell)
    return f"{first} ({', '.join(rest)})" if rest else first
