from .allocation import (
    KAPLAN_AND_CHINCHILLA as KAPLAN_AND_CHINCHILLA, plot_allocation as plot_allocation,
)
from .backtest import plot_backtest as plot_backtest, plot_coverage as plot_coverage
from .comparison import plot_comparison as plot_comparison, plot_sensitivity as plot_sensitivity
from .data import DATA as DATA, plot_data as plot_data
from .isoflops import levels_of as levels_of, plot_isoflops as plot_isoflops
from .loss import plot_loss as plot_loss
from .recipes import plot_recipes as plot_recipes
from .regret import plot_regret as plot_regret
from .residuals import plot_residuals as plot_residuals
from .task import plot_task as plot_task
from .style import (
    BLUE as BLUE, LIGHT as LIGHT, VERMILION as VERMILION, palette as palette,
    plot_style as plot_style,
)
