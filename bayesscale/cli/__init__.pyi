from .app import main as main
from .own_law import get_law as get_law
from .python import Name as Name, call as call, literal as literal
