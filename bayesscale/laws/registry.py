"""The laws that ship, by name. Adding one is adding its file and a line here."""

from bayesscale.errors import DomainError, unknown_name
from bayesscale.laws.chinchilla import Chinchilla
from bayesscale.laws.kaplan import Kaplan, KaplanIrreducible
from bayesscale.laws.law import Law
from bayesscale.laws.one_variable import KAPLANS
from bayesscale.laws.unified import Unified

LAWS: dict[str, Law] = {
    law.name: law for law in (Unified(), Chinchilla(), Kaplan(), KaplanIrreducible(), *KAPLANS)
}


def get_law(law: str | Law) -> Law:
    """Return a law by name, or the law itself.

    Parameters
    ----------
    law
        Name of a law that ships, or an instance of your own :class:`Law`.

    Returns
    -------
    Law
        The law.

    Raises
    ------
    UnknownNameError
        If no law has that name.
    DomainError
        If ``law`` is a class instead of an instance, or something else.

    Examples
    --------
    >>> from bayesscale.laws import get_law
    >>> get_law("chinchilla").inputs
    ('params', 'tokens')
    """
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
