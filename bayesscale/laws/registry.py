"""The laws that ship, by name. Adding one is adding its file and a line here."""

from typing import TYPE_CHECKING

from bayesscale.errors import DomainError, unknown_name
from bayesscale.laws.chinchilla import Chinchilla
from bayesscale.laws.data_constrained import DataConstrained, Muennighoff
from bayesscale.laws.kaplan import Kaplan, KaplanIrreducible
from bayesscale.laws.law import Law
from bayesscale.laws.one_variable import KAPLANS
from bayesscale.laws.precision import PRECISION
from bayesscale.laws.routed import ROUTED
from bayesscale.laws.unified import Unified

if TYPE_CHECKING:
    import pandas as pd

LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        Unified(), Chinchilla(), Kaplan(), KaplanIrreducible(), *KAPLANS, DataConstrained(),
        Muennighoff(), *ROUTED, *PRECISION,
    )
}  # fmt: skip


def get_law(law: str | Law) -> Law:
    """Return a law by name, or the law itself."""
    if isinstance(law, Law):
        return law
    if isinstance(law, type) and issubclass(law, Law):
        raise DomainError(f"law={law.__name__} is a class. Pass an instance: law={law.__name__}().")
    if not isinstance(law, str):
        raise DomainError(
            f"law must be a name or an instance of a Law subclass, not {type(law).__name__}."
        )
    if law not in LAWS:
        raise unknown_name("law", law, LAWS, hint="Your own law is an instance of a Law subclass.")
    return LAWS[law]


def list_laws() -> "pd.DataFrame":
    """List the laws that ship.

    Returns
    -------
    pandas.DataFrame
        One row per law (index ``law``): its ``equation`` in LaTeX, ``inputs``, which are the
        columns that runs need, the ``question`` it is used for, the number of ``unknowns``
        (parameters), the laws that it ``contains``, its ``caveat`` and its ``citation``.

    Examples
    --------
    >>> from bayesscale.laws import list_laws
    >>> list_laws().loc["unified", "contains"]
    'chinchilla (k = 1)'
    """
    import pandas as pd

    rows = {
        name: {
            "equation": law.equation,
            "inputs": ", ".join(law.quantities),
            "question": law.question,
            "unknowns": len(law.coordinates),
            "contains": "; ".join(
                f"{inner} ({', '.join(f'{k} = {v:g}' for k, v in at.items())})"
                for inner, at in law.contains.items()
            ),
            "caveat": law.caveat,
            "citation": law.citation,
        }
        for name, law in LAWS.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = "law"
    return table
