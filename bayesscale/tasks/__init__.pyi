from .ability import TaskFit as TaskFit, TaskPrediction as TaskPrediction
from .emergence import Emergence as Emergence
from .explore import explore as explore
from .fit_task import fit_task as fit_task
