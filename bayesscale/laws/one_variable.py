"""Kaplan's laws of one variable: parameters, tokens or optimally spent compute."""

from bayesscale.laws.coordinates import ALPHA_C, ALPHA_D, ALPHA_N, IRREDUCIBLE_SHARE, LEVEL
from bayesscale.laws.law import Law


class KaplanParams(Law):
    r"""Loss of models trained to convergence, L(N) = (N_c / N)^alpha_N."""

    name = "kaplan_params"
    equation = r"L(N) = (N_c / N)^{\alpha_N}"
    citation = "Kaplan et al. (2020), eq. 1.1, arXiv:2001.08361"
    inputs = ("params",)
    coordinates = (LEVEL, ALPHA_N)
    published_units = {"N_c": "parameters × (nats/token)^(1/alpha_N)", "alpha_N": "1"}

    def log_loss(self, c, x, xp):
        (variable,), exponent = self.inputs, c[self._exponent]
        reducible = xp.exp(-exponent * x[variable])
        if IRREDUCIBLE_SHARE in self.coordinates:
            e = c["irreducible_share"]
            return xp.log(c["level"] * (e + (1 - e) * reducible))
        return xp.log(c["level"]) - exponent * x[variable]

    def published(self, c, reference):
        (variable,), exponent = self.inputs, c[self._exponent]
        loss = c["level"] * reference.loss
        e = c["irreducible_share"] if IRREDUCIBLE_SHARE in self.coordinates else 0.0
        scale = getattr(reference, variable) * ((1 - e) * loss) ** (1 / exponent)
        values = {"E": e * loss, f"{self._exponent[-1]}_c": scale, self._exponent: exponent}
        return {name: values[name] for name in self.published_units}

    @property
    def _exponent(self) -> str:
        return self.coordinates[-1].name


class KaplanData(KaplanParams):
    r"""Loss of large models stopped early on D tokens, L(D) = (D_c / D)^alpha_D."""

    name = "kaplan_data"
    equation = r"L(D) = (D_c / D)^{\alpha_D}"
    citation = "Kaplan et al. (2020), eq. 1.2, arXiv:2001.08361"
    inputs = ("tokens",)
    coordinates = (LEVEL, ALPHA_D)
    published_units = {"D_c": "tokens × (nats/token)^(1/alpha_D)", "alpha_D": "1"}


class KaplanCompute(KaplanParams):
    r"""Loss of optimally spent compute, L(C) = (C_c / C)^alpha_C."""

    name = "kaplan_compute"
    equation = r"L(C) = (C_c / C)^{\alpha_C}"
    citation = "Kaplan et al. (2020), eq. 1.3, arXiv:2001.08361"
    inputs = ("flops",)
    coordinates = (LEVEL, ALPHA_C)
    published_units = {"C_c": "FLOP × (nats/token)^(1/alpha_C)", "alpha_C": "1"}


class KaplanParamsIrreducible(KaplanParams):
    r"""Loss of converged models over a floor, L(N) = E + (N_c / N)^alpha_N."""

    name = "kaplan_params_irreducible"
    equation = r"L(N) = E + (N_c / N)^{\alpha_N}"
    citation = "Henighan et al. (2020), arXiv:2010.14701"
    coordinates = (LEVEL, IRREDUCIBLE_SHARE, ALPHA_N)
    published_units = {"E": "nats/token", **KaplanParams.published_units}


class KaplanDataIrreducible(KaplanData):
    r"""Loss on D tokens over a floor, L(D) = E + (D_c / D)^alpha_D."""

    name = "kaplan_data_irreducible"
    equation = r"L(D) = E + (D_c / D)^{\alpha_D}"
    citation = "Henighan et al. (2020), arXiv:2010.14701"
    coordinates = (LEVEL, IRREDUCIBLE_SHARE, ALPHA_D)
    published_units = {"E": "nats/token", **KaplanData.published_units}


class KaplanComputeIrreducible(KaplanCompute):
    r"""Loss of optimally spent compute over a floor, L(C) = E + (C_c / C)^alpha_C."""

    name = "kaplan_compute_irreducible"
    equation = r"L(C) = E + (C_c / C)^{\alpha_C}"
    citation = "Henighan et al. (2020), arXiv:2010.14701"
    coordinates = (LEVEL, IRREDUCIBLE_SHARE, ALPHA_C)
    published_units = {"E": "nats/token", **KaplanCompute.published_units}
