"""Public names, and the file that each is in; loaded when they are first used."""

from . import laws as laws, plots as plots
from .accounting.embedding import Counting as Counting, EmbeddingShare as EmbeddingShare
from .accounting.lifetime import LifetimeCost as LifetimeCost, Money as Money
from .accounting.machine import Machine as Machine
from .accounting.transformer import Transformer as Transformer
from .accounting.transformer_cost import TransformerCost as TransformerCost
from .backtesting.result import Backtest as Backtest
from .backtesting.rolling import backtest as backtest
from .backtesting.score import Score as Score, score as score
from .calibration.calibrate import calibrate as calibrate
from .calibration.result import Calibration as Calibration
from .comparison.average import average as average
from .comparison.bridge import BridgeEstimate as BridgeEstimate, bridge_sampling as bridge_sampling
from .comparison.compare import compare as compare
from .comparison.comparison import Comparison as Comparison
from .comparison.evidence import Evidence as Evidence, evidence as evidence
from .comparison.fit_laws import fit_laws as fit_laws
from .comparison.savage_dickey import (
    NestedEvidence as NestedEvidence,
    savage_dickey as savage_dickey,
)
from .comparison.sensitivity import (
    PriorSensitivity as PriorSensitivity,
    prior_sensitivity as prior_sensitivity,
)
from .errors import BayesScaleError as BayesScaleError, BayesScaleWarning as BayesScaleWarning
from .forecast.allocate import Allocation as Allocation, allocate as allocate
from .forecast.extrapolate import Prediction as Prediction, extrapolate as extrapolate
from .forecast.inverse import (
    gain as gain,
    required_flops as required_flops,
    required_tokens as required_tokens,
)
from .forecast.landmarks import landmark_models as landmark_models, landmarks as landmarks
from .forecast.regret import Regret as Regret, regret as regret
from .forecast.terms import Limits as Limits, Repetition as Repetition
from .inference.average import Average as Average
from .inference.fit import fit as fit
from .inference.fit_many import ManyFits as ManyFits, fit_many as fit_many
from .inference.result import Fit as Fit
from .inference.saved import load_average as load_average, load_fit as load_fit
from .laws.coordinates import Coordinate as Coordinate
from .laws.cost import PowerCost as PowerCost
from .laws.law import Law as Law
from .laws.registry import LAWS as LAWS, list_laws as list_laws
from .model.build import build_model as build_model
from .model.prior_predictive import prior_predictive as prior_predictive
from .model.priors import Prior as Prior
from .planning.design import Design as Design, design as design
from .planning.plan import Plan as Plan, plan as plan
from .plots.allocation import allocation_data as allocation_data, plot_allocation as plot_allocation
from .plots.backtest import backtest_data as backtest_data, plot_backtest as plot_backtest
from .plots.calibration import (
    calibration_data as calibration_data,
    plot_calibration as plot_calibration,
)
from .plots.comparison import (
    comparison_data as comparison_data,
    plot_comparison as plot_comparison,
    plot_sensitivity as plot_sensitivity,
    sensitivity_data as sensitivity_data,
)
from .plots.contour import contour_data as contour_data, plot_contour as plot_contour
from .plots.coverage import coverage_data as coverage_data, plot_coverage as plot_coverage
from .plots.isoflops import isoflops_data as isoflops_data, plot_isoflops as plot_isoflops
from .plots.loss import loss_data as loss_data, plot_loss as plot_loss
from .plots.pairs import pairs_data as pairs_data, plot_pairs as plot_pairs
from .plots.power_laws import plot_power_laws as plot_power_laws, power_laws_data as power_laws_data
from .plots.predictive_check import (
    plot_predictive_check as plot_predictive_check,
    predictive_check_data as predictive_check_data,
)
from .plots.priors import plot_priors as plot_priors, priors_data as priors_data
from .plots.regret import plot_regret as plot_regret, regret_data as regret_data
from .plots.residuals import plot_residuals as plot_residuals, residuals_data as residuals_data
from .plots.style import plot_style as plot_style
from .quantities import Quantity as Quantity
from .runs.example import load_example as load_example
from .runs.fetch import fetch_runs as fetch_runs
from .runs.read import read_runs as read_runs
from .runs.table import Runs as Runs
from .tell.latex import to_latex as to_latex
from .tell.report import report as report
