from .checks import LARGEST_LOSS as LARGEST_LOSS, MOST_EPOCHS as MOST_EPOCHS
from .display import facts as facts
from .fetch import LADDERS as LADDERS, fetch_runs as fetch_runs, load_example as load_example
from .intake import Table as Table
from .read import read_runs as read_runs
from .table import Runs as Runs, as_runs as as_runs, check_same_runs as check_same_runs
from .units import count_in_words as count_in_words
