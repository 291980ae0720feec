"""The threads of the core, for work that calls libraries which release the GIL.

In: functions. Out: their results, as futures. What is expanded and what is written then shares one number of
threads, whoever calls.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

from everyturn import _core

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Workers:
    """Threads, which begin what they are given in its order.

    >>> Workers().submit(len, "abc").result()
    3

    Args:
        pool: The threads of an expander; None is a new thread a core.

    Attributes:
        threads: How many there are.
    """

    def __init__(self, pool: _core.Pool | None = None) -> None:
        self._pool = pool or _core.Pool(None)
        self.threads = self._pool.num_threads

    def submit(
        self,
        function: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Future[Result]:
        """Let a thread call a function."""
        future: Future[Result] = Future()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = function(*arguments, **options)
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                future.set_exception(error)
            else:
                future.set_result(result)

        self._pool.submit(call)
        return future

    def cpu_seconds(self) -> float:
        """Return what the threads have worked so far. They have to be idle: each answers for itself."""
        all_are_asked = threading.Barrier(self.threads)

        def worked() -> float:
            seconds = time.thread_time()
            all_are_asked.wait()
            return seconds

        answers = [self.submit(worked) for _ in range(self.threads)]
        return sum(answer.result() for answer in answers)
