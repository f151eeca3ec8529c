from .chapters import bill_sections as bill_sections
from .explorer import BUDGETS as BUDGETS, explorer_of as explorer_of
from .latex import SYMBOLS as SYMBOLS, to_latex as to_latex
from .pictures import Picture as Picture, draw as draw, files_in as files_in, save as save
from .report import report as report
from .terminal import tell as tell, terminal as terminal
