"""Native threads that send: each takes a job, waits for Meta, puts the answer on one queue. They touch no store."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .native import Empty, SimpleQueue, start_thread
from .request import Answer, Call, Target

if TYPE_CHECKING:
    from .graph import Graph

_GRACE = 5.0  # after its deadline was enforced, a call that still hangs (DNS) is given up


def prepare() -> None:
    """Load what the first request to Meta needs, so that no visitor's request shares the processor with it."""
    importlib.import_module(f"{__package__}.graph")


class Job:
    """One request: what to send, for whom, and who asked (``context`` comes back untouched)."""

    __slots__ = ("call", "context", "payloads", "settled", "size", "target")

    def __init__(self, target: Target, payloads: list[str], context: Any) -> None:
        self.target = target
        self.payloads = payloads
        self.context = context
        self.call = Call()
        self.size = 0
        self.settled = False


class Posters:
    """At most ``connections`` requests at once. Threads start when they are first needed."""

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self.answers: SimpleQueue[tuple[Job, Answer] | None] = SimpleQueue()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._graph: Graph | None = None
        self._threads = 0
        self._lost_threads = 0
        self.under_way: set[Job] = set()

    def free(self) -> int:
        """How many more requests may start."""
        return self.connections - len(self.under_way)

    def send(self, job: Job) -> None:
        """Hand it to a thread. Raises ``RuntimeError`` where none can start."""
        if self._graph is None:
            from .graph import Graph

            self._graph = Graph(self.connections)
        if self._threads < self.connections + self._lost_threads and len(self.under_way) >= self._threads:
            start_thread(self._work, "capi-post")
            self._threads += 1
        job.call = Call()
        self.under_way.add(job)
        self._jobs.put(job)

    def wait(self, timeout: float) -> list[tuple[Job, Answer]]:
        """Answers that have come, waiting at most ``timeout`` seconds for the first. Enforces deadlines."""
        found: list[tuple[Job, Answer]] = []
        try:
            item = self.answers.get(timeout=timeout) if timeout > 0 else self.answers.get_nowait()
            while True:
                if item is not None and not item[0].settled:
                    item[0].settled = True
                    self.under_way.discard(item[0])
                    found.append(item)
                item = self.answers.get_nowait()
        except Empty:
            pass
        return found + self._enforce()

    def _enforce(self) -> list[tuple[Job, Answer]]:
        given_up = []
        for job in list(self.under_way):
            if not job.call.overdue():
                continue
            if not job.call.aborted:
                job.call.abort()
                job.call.end += _GRACE
            else:
                job.settled = True
                self.under_way.discard(job)
                self._lost_threads += 1
                given_up.append((job, Answer(0, error="no answer, not even to giving up (DNS?)")))
        return given_up

    def wake(self) -> None:
        """End a :meth:`wait` early."""
        self.answers.put(None)

    def close(self) -> None:
        """Stop the threads once they are idle."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0
        if self._graph is not None and not self.under_way:
            self._graph.close()
        self._graph = None

    def _work(self) -> None:
        graph = self._graph
        assert graph is not None
        while True:
            job = self._jobs.get()
            if job is None:
                return
            try:
                body = job.target.body(job.payloads)
                job.size = len(body)
                answer = graph.post(job.target.url, body, job.call)
            except Exception as error:  # a thread that dies silently would hold its rows for ever
                answer = Answer(0, error=type(error).__name__)
            self.answers.put((job, answer))
