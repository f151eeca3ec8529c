from .app import main as main
from .own_law import get_law as get_law
