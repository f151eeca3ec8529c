# Public names, and the file that each is in; loaded when they are first used.

from . import laws as laws, plots as plots
from .accounting.embedding import Counting as Counting, EmbeddingShare as EmbeddingShare
from .accounting.lifetime import LifetimeCost as LifetimeCost, Money as Money
from .accounting.machine import Machine as Machine
from .accounting.rules import PowerCost as PowerCost
from .accounting.transformer import Transformer as Transformer
from .backtesting.result import Backtest as Backtest
from .backtesting.rolling import backtest as backtest
from .backtesting.score import Score as Score, score as score
from .backtesting.smallest_scale import (
    SmallestScale as SmallestScale, smallest_scale as smallest_scale,
)
from .calibration.calibrate import calibrate as calibrate
from .calibration.result import Calibration as Calibration
from .comparison.average import average as average
from .comparison.compare import compare as compare
from .comparison.comparison import Comparison as Comparison
from .comparison.evidence import Evidence as Evidence, evidence as evidence
from .comparison.sensitivity import (
    PriorSensitivity as PriorSensitivity, prior_sensitivity as prior_sensitivity,
)
from .errors import BayesScaleError as BayesScaleError, BayesScaleWarning as BayesScaleWarning
from .forecast.allocate import Allocation as Allocation, allocate as allocate
from .forecast.data_worth import (
    DataWorth as DataWorth, convergence as convergence, effective_params as effective_params,
    tokens_without_overfitting as tokens_without_overfitting, worth_of_epochs as worth_of_epochs,
)
from .forecast.extrapolate import Prediction as Prediction, extrapolate as extrapolate
from .forecast.gain import gain as gain
from .forecast.regret import (
    Regret as Regret, landmark_models as landmark_models, landmarks as landmarks, regret as regret,
)
from .forecast.requirement import (
    required_flops as required_flops, required_tokens as required_tokens,
)
from .forecast.terms import Limits as Limits, Repetition as Repetition, Terms as Terms
from .inference.average import Average as Average, load_average as load_average
from .inference.fit import fit as fit
from .inference.fit_many import ManyFits as ManyFits, fit_laws as fit_laws, fit_many as fit_many
from .inference.result import Fit as Fit, load_fit as load_fit
from .laws.coordinates import Coordinate as Coordinate
from .laws.law import Law as Law
from .laws.registry import LAWS as LAWS, list_laws as list_laws
from .model.build import build_model as build_model
from .model.prior_predictive import prior_predictive as prior_predictive
from .model.priors import Prior as Prior
from .planning.design import Design as Design, design as design
from .planning.plan import Plan as Plan, plan as plan
from .plots.allocation import plot_allocation as plot_allocation
from .plots.backtest import plot_backtest as plot_backtest, plot_coverage as plot_coverage
from .plots.comparison import (
    plot_comparison as plot_comparison, plot_sensitivity as plot_sensitivity,
)
from .plots.data import plot_data as plot_data
from .plots.isoflops import plot_isoflops as plot_isoflops
from .plots.loss import plot_loss as plot_loss
from .plots.recipes import plot_recipes as plot_recipes
from .plots.regret import plot_regret as plot_regret
from .plots.residuals import plot_residuals as plot_residuals
from .plots.style import plot_style as plot_style
from .plots.task import plot_task as plot_task
from .quantities import Quantity as Quantity
from .recipes.compare import compare_recipes as compare_recipes
from .recipes.comparison import RecipeComparison as RecipeComparison, runs_needed as runs_needed
from .runs.fetch import fetch_runs as fetch_runs, load_example as load_example
from .runs.read import read_runs as read_runs
from .runs.table import Runs as Runs
from .tasks.ability import TaskFit as TaskFit, TaskPrediction as TaskPrediction
from .tasks.emergence import Emergence as Emergence
from .tasks.fit_task import fit_task as fit_task
from .tell.latex import to_latex as to_latex
from .tell.report import report as report
