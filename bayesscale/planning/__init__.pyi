from .design import Design as Design, Learning as Learning, design as design
from .plan import Plan as Plan, advised as advised, plan as plan, predict_advised as predict_advised
