"""The end of a process, and of parts of it that may end before."""

from __future__ import annotations

import threading
from typing import TypeVar
from weakref import WeakSet

Child = TypeVar("Child", bound="StopEvent")


class StopEvent(threading.Event):
    """Is set to end something; what ends with it, or earlier, waits for a `child`."""

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self._children: WeakSet[StopEvent] = WeakSet()

    def child(self) -> StopEvent:
        """An event of its own, which is set together with this one at the latest."""
        return self.adopt(StopEvent())

    def adopt(self, event: Child) -> Child:
        """Set ``event`` together with this one at the latest."""
        with self._guard:
            self._children.add(event)
        if self.is_set():
            event.set()
        return event

    def set(self) -> None:
        """End it, and with it whatever depends on it."""
        super().set()
        with self._guard:
            children = list(self._children)
        for child in children:
            child.set()
