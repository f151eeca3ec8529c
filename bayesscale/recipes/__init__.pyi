from .compare import compare_recipes as compare_recipes
from .comparison import (
    CLAIMED as CLAIMED, RecipeComparison as RecipeComparison, runs_needed as runs_needed,
)
from .intake import Recipes as Recipes
from .law import FORMS as FORMS, RecipeLaw as RecipeLaw
from .multiplier import frontier as frontier, multipliers as multipliers
