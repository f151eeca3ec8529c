from .allocation import (
    HABIT as HABIT,
    KAPLAN_AND_CHINCHILLA as KAPLAN_AND_CHINCHILLA,
    allocation_data as allocation_data,
    plot_allocation as plot_allocation,
)
from .backtest import backtest_data as backtest_data, plot_backtest as plot_backtest
from .calibration import calibration_data as calibration_data, plot_calibration as plot_calibration
from .comparison import (
    comparison_data as comparison_data,
    plot_comparison as plot_comparison,
    plot_sensitivity as plot_sensitivity,
    sensitivity_data as sensitivity_data,
)
from .contour import contour_data as contour_data, plot_contour as plot_contour
from .coverage import coverage_data as coverage_data, plot_coverage as plot_coverage
from .isoflops import (
    isoflops_data as isoflops_data,
    levels_of as levels_of,
    plot_isoflops as plot_isoflops,
)
from .loss import loss_data as loss_data, plot_loss as plot_loss
from .pairs import pairs_data as pairs_data, plot_pairs as plot_pairs
from .power_laws import plot_power_laws as plot_power_laws, power_laws_data as power_laws_data
from .predictive_check import (
    plot_predictive_check as plot_predictive_check,
    predictive_check_data as predictive_check_data,
)
from .priors import plot_priors as plot_priors, priors_data as priors_data
from .regret import plot_regret as plot_regret, regret_data as regret_data
from .residuals import plot_residuals as plot_residuals, residuals_data as residuals_data
from .style import (
    BLUE as BLUE,
    LIGHT as LIGHT,
    VERMILION as VERMILION,
    palette as palette,
    plot_style as plot_style,
)
