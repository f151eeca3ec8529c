from .compare import compare_recipes as compare_recipes
from .comparison import RecipeComparison as RecipeComparison
from .intake import Recipes as Recipes
from .law import FORMS as FORMS, SAME as SAME, SHARED as SHARED, RecipeLaw as RecipeLaw
from .multiplier import frontier as frontier, searched as searched
from .power import multiplier_sd as multiplier_sd, runs_to_tell as runs_to_tell
