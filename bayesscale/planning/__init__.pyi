from .design import Design as Design, Learning as Learning, design as design
from .plan import Plan as Plan, plan as plan
