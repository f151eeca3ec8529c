"""Bayesian inference for neural scaling laws.

Every public name is loaded when it is first used, so that ``import bayesscale`` and the command
line's help do not wait for PyMC.
"""

import importlib
from typing import TYPE_CHECKING, Any

from bayesscale._interrupts import interrupts_held

if TYPE_CHECKING:
    from bayesscale.accounting import Counting as Counting
    from bayesscale.accounting import EmbeddingShare as EmbeddingShare
    from bayesscale.accounting import LifetimeCost as LifetimeCost
    from bayesscale.accounting import Money as Money
    from bayesscale.accounting import Transformer as Transformer
    from bayesscale.accounting import TransformerCost as TransformerCost
    from bayesscale.accounting.machine import Machine as Machine
    from bayesscale.backtesting.result import Backtest as Backtest
    from bayesscale.backtesting.rolling import backtest as backtest
    from bayesscale.backtesting.score import Score as Score
    from bayesscale.backtesting.score import score as score
    from bayesscale.calibration.calibrate import calibrate as calibrate
    from bayesscale.calibration.result import Calibration as Calibration
    from bayesscale.comparison.average import average as average
    from bayesscale.comparison.bridge import BridgeEstimate as BridgeEstimate
    from bayesscale.comparison.bridge import bridge_sampling as bridge_sampling
    from bayesscale.comparison.compare import compare as compare
    from bayesscale.comparison.comparison import Comparison as Comparison
    from bayesscale.comparison.evidence import Evidence as Evidence
    from bayesscale.comparison.evidence import evidence as evidence
    from bayesscale.comparison.fit_laws import fit_laws as fit_laws
    from bayesscale.comparison.savage_dickey import NestedEvidence as NestedEvidence
    from bayesscale.comparison.savage_dickey import savage_dickey as savage_dickey
    from bayesscale.comparison.sensitivity import PriorSensitivity as PriorSensitivity
    from bayesscale.comparison.sensitivity import prior_sensitivity as prior_sensitivity
    from bayesscale.errors import (
        BayesScaleError as BayesScaleError,
    )
    from bayesscale.errors import (
        BayesScaleWarning as BayesScaleWarning,
    )
    from bayesscale.forecast.allocate import Allocation as Allocation
    from bayesscale.forecast.allocate import allocate as allocate
    from bayesscale.forecast.extrapolate import Prediction as Prediction
    from bayesscale.forecast.extrapolate import extrapolate as extrapolate
    from bayesscale.forecast.inverse import gain as gain
    from bayesscale.forecast.inverse import required_flops as required_flops
    from bayesscale.forecast.inverse import required_tokens as required_tokens
    from bayesscale.forecast.landmarks import landmark_models as landmark_models
    from bayesscale.forecast.landmarks import landmarks as landmarks
    from bayesscale.forecast.regret import Regret as Regret
    from bayesscale.forecast.regret import regret as regret
    from bayesscale.forecast.terms import Limits as Limits
    from bayesscale.forecast.terms import Repetition as Repetition
    from bayesscale.inference.average import Average as Average
    from bayesscale.inference.fit import fit as fit
    from bayesscale.inference.fit_many import ManyFits as ManyFits
    from bayesscale.inference.fit_many import fit_many as fit_many
    from bayesscale.inference.result import Fit as Fit
    from bayesscale.inference.saved import load_average as load_average
    from bayesscale.inference.saved import load_fit as load_fit
    from bayesscale.laws import LAWS as LAWS
    from bayesscale.laws import Coordinate as Coordinate
    from bayesscale.laws import Law as Law
    from bayesscale.laws import PowerCost as PowerCost
    from bayesscale.model.build import build_model as build_model
    from bayesscale.model.prior_predictive import prior_predictive as prior_predictive
    from bayesscale.model.priors import Prior as Prior
    from bayesscale.planning.design import Design as Design
    from bayesscale.planning.design import design as design
    from bayesscale.planning.plan import Plan as Plan
    from bayesscale.planning.plan import plan as plan
    from bayesscale.plots.allocation import allocation_data as allocation_data
    from bayesscale.plots.allocation import plot_allocation as plot_allocation
    from bayesscale.plots.backtest import backtest_data as backtest_data
    from bayesscale.plots.backtest import plot_backtest as plot_backtest
    from bayesscale.plots.calibration import calibration_data as calibration_data
    from bayesscale.plots.calibration import plot_calibration as plot_calibration
    from bayesscale.plots.comparison import comparison_data as comparison_data
    from bayesscale.plots.comparison import plot_comparison as plot_comparison
    from bayesscale.plots.comparison import plot_sensitivity as plot_sensitivity
    from bayesscale.plots.comparison import sensitivity_data as sensitivity_data
    from bayesscale.plots.contour import contour_data as contour_data
    from bayesscale.plots.contour import plot_contour as plot_contour
    from bayesscale.plots.coverage import coverage_data as coverage_data
    from bayesscale.plots.coverage import plot_coverage as plot_coverage
    from bayesscale.plots.isoflops import isoflops_data as isoflops_data
    from bayesscale.plots.isoflops import plot_isoflops as plot_isoflops
    from bayesscale.plots.loss import loss_data as loss_data
    from bayesscale.plots.loss import plot_loss as plot_loss
    from bayesscale.plots.pairs import pairs_data as pairs_data
    from bayesscale.plots.pairs import plot_pairs as plot_pairs
    from bayesscale.plots.power_laws import plot_power_laws as plot_power_laws
    from bayesscale.plots.power_laws import power_laws_data as power_laws_data
    from bayesscale.plots.predictive_check import plot_predictive_check as plot_predictive_check
    from bayesscale.plots.predictive_check import predictive_check_data as predictive_check_data
    from bayesscale.plots.priors import plot_priors as plot_priors
    from bayesscale.plots.priors import priors_data as priors_data
    from bayesscale.plots.regret import plot_regret as plot_regret
    from bayesscale.plots.regret import regret_data as regret_data
    from bayesscale.plots.residuals import plot_residuals as plot_residuals
    from bayesscale.plots.residuals import residuals_data as residuals_data
    from bayesscale.plots.style import plot_style as plot_style
    from bayesscale.quantities import Quantity as Quantity
    from bayesscale.runs import Runs as Runs
    from bayesscale.runs import fetch_runs as fetch_runs
    from bayesscale.runs import load_example as load_example
    from bayesscale.runs import read_runs as read_runs
    from bayesscale.tell.latex import to_latex as to_latex
    from bayesscale.tell.report import report as report

_HOME = {
    "Allocation": "forecast.allocate",
    "Average": "inference.average",
    "Backtest": "backtesting.result",
    "BayesScaleError": "errors",
    "BayesScaleWarning": "errors",
    "BridgeEstimate": "comparison.bridge",
    "Calibration": "calibration.result",
    "Comparison": "comparison.comparison",
    "Coordinate": "laws",
    "Counting": "accounting",
    "EmbeddingShare": "accounting",
    "Design": "planning.design",
    "Evidence": "comparison.evidence",
    "Fit": "inference.result",
    "ManyFits": "inference.fit_many",
    "LAWS": "laws",
    "Law": "laws",
    "LifetimeCost": "accounting",
    "Limits": "forecast.terms",
    "Machine": "accounting.machine",
    "Money": "accounting",
    "NestedEvidence": "comparison.savage_dickey",
    "Plan": "planning.plan",
    "PowerCost": "laws",
    "Prediction": "forecast.extrapolate",
    "Prior": "model.priors",
    "PriorSensitivity": "comparison.sensitivity",
    "Quantity": "quantities",
    "Regret": "forecast.regret",
    "Repetition": "forecast.terms",
    "Runs": "runs",
    "Transformer": "accounting",
    "TransformerCost": "accounting",
    "allocate": "forecast.allocate",
    "allocation_data": "plots.allocation",
    "average": "comparison.average",
    "backtest": "backtesting.rolling",
    "backtest_data": "plots.backtest",
    "bridge_sampling": "comparison.bridge",
    "build_model": "model.build",
    "calibrate": "calibration.calibrate",
    "calibration_data": "plots.calibration",
    "compare": "comparison.compare",
    "design": "planning.design",
    "evidence": "comparison.evidence",
    "extrapolate": "forecast.extrapolate",
    "fetch_runs": "runs",
    "fit": "inference.fit",
    "fit_laws": "comparison.fit_laws",
    "fit_many": "inference.fit_many",
    "gain": "forecast.inverse",
    "landmark_models": "forecast.landmarks",
    "landmarks": "forecast.landmarks",
    "load_average": "inference.saved",
    "load_example": "runs",
    "load_fit": "inference.saved",
    "loss_data": "plots.loss",
    "plan": "planning.plan",
    "plot_allocation": "plots.allocation",
    "plot_backtest": "plots.backtest",
    "plot_calibration": "plots.calibration",
    "plot_loss": "plots.loss",
    "isoflops_data": "plots.isoflops",
    "plot_isoflops": "plots.isoflops",
    "contour_data": "plots.contour",
    "plot_contour": "plots.contour",
    "power_laws_data": "plots.power_laws",
    "plot_power_laws": "plots.power_laws",
    "residuals_data": "plots.residuals",
    "plot_regret": "plots.regret",
    "regret_data": "plots.regret",
    "plot_residuals": "plots.residuals",
    "predictive_check_data": "plots.predictive_check",
    "plot_predictive_check": "plots.predictive_check",
    "priors_data": "plots.priors",
    "plot_priors": "plots.priors",
    "pairs_data": "plots.pairs",
    "plot_pairs": "plots.pairs",
    "comparison_data": "plots.comparison",
    "plot_comparison": "plots.comparison",
    "sensitivity_data": "plots.comparison",
    "plot_sensitivity": "plots.comparison",
    "coverage_data": "plots.coverage",
    "plot_coverage": "plots.coverage",
    "plot_style": "plots.style",
    "prior_predictive": "model.prior_predictive",
    "prior_sensitivity": "comparison.sensitivity",
    "read_runs": "runs",
    "regret": "forecast.regret",
    "report": "tell.report",
    "to_latex": "tell.latex",
    "Score": "backtesting.score",
    "score": "backtesting.score",
    "required_flops": "forecast.inverse",
    "required_tokens": "forecast.inverse",
    "savage_dickey": "comparison.savage_dickey",
}

__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("bayesscale")
    if name not in _HOME:
        raise AttributeError(f"module 'bayesscale' has no attribute {name!r}")
    with interrupts_held():
        importlib.import_module("bayesscale._environment").check_environment()
        value = getattr(importlib.import_module(f"bayesscale.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, "__version__"})
