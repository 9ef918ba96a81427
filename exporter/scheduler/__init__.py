"""When tasks are run, and by whom: see `scheduler`, `workers` and `urgency`."""

from exporter.scheduler.scheduler import Event, Scheduler, offset_of
from exporter.scheduler.trigger import SteadyInterval
from exporter.scheduler.urgency import Limits
from exporter.scheduler.workers import Task

__all__ = ["Event", "Limits", "Scheduler", "SteadyInterval", "Task", "offset_of"]
