r"""Equations of laws for people: with numbers for parameters, as text and as HTML.

Equations are written in the little LaTeX that laws need: ``^{...}``, ``_x`` and Greek letters.
"""

import html
import re
from collections.abc import Mapping

GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "kappa": "κ", "lambda": "λ",
         "mu": "μ", "nu": "ν", "omega": "ω", "sigma": "σ", "tau": "τ", "times": "×",
         "cdot": "·"}  # fmt: skip

_LETTER = re.compile(r"\\?[A-Za-z]+(?:_(?:\{[A-Za-z]+\}|[A-Za-z]+))?")
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]*)\}|(\\?[A-Za-z0-9]+(?:\.[0-9]+)?))")


def with_numbers(equation: str, values: Mapping[str, float]) -> str:
    r"""Return an equation with numbers in place of the parameters that are known, by plain name.

    >>> with_numbers(r"L(N) = E + A N^{-\alpha_N}", {"E": 1.5, "A": 4e11, "alpha_N": 0.34})
    'L(N) = 1.5 + 4 \\times 10^{11} N^{-0.34}'
    """

    def number(match: re.Match[str]) -> str:
        name = match[0].replace("\\", "").replace("{", "").replace("}", "")
        if name not in values:
            return match[0]
        mantissa, _, exponent = f"{values[name]:.4g}".partition("e")
        return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa

    left, equals, right = equation.partition("=")
    return left + equals + _LETTER.sub(number, right)


def as_text(equation: str) -> str:
    r"""Write an equation on one line of text.

    >>> as_text(r"E + A N^{-\alpha_N / k}")
    'E + A N^(−α_N / k)'
    """

    def script(match: re.Match[str]) -> str:
        inner = match[2] or match[3]
        bare = re.fullmatch(r"\\?\w+(\.\d+)?", inner)
        return match[1] + (inner if bare else f"({inner})")

    # indices need no braces, so that only exponents have them
    return _symbols(_SCRIPT.sub(script, re.sub(r"_\{([A-Za-z0-9]+)\}", r"_\1", equation)))


def as_html(equation: str) -> str:
    """Write an equation with raised exponents, everything else escaped."""
    tags = {"^": "sup", "_": "sub"}

    def script(match: re.Match[str]) -> str:
        tag = tags[match[1]]
        return f"<{tag}>{match[2] or match[3]}</{tag}>"

    text = html.escape(equation, quote=False)
    for _ in range(4):  # an exponent may hold an index
        text = _SCRIPT.sub(script, text)
    return _symbols(text)


def _symbols(text: str) -> str:
    text = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK.get(m[1], m[1]), text)
    return text.replace("-", "−")
