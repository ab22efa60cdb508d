"""Batches of whatever waits, as soon as a core is free."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Overloaded(Exception):
    """More is waiting than may."""


class Batcher:
    """Hands up to `rows` items at a time to `run`, on as many threads as there are `cores`."""

    def __init__(self, run: Callable[[list], list], cores: int, rows: int = 16, waiting: int = 256):
        self._run = run
        self._rows = rows
        self._queue: asyncio.Queue = asyncio.Queue(waiting)
        self._threads = ThreadPoolExecutor(cores)
        self._tasks = [asyncio.create_task(self._work()) for _ in range(cores)]

    async def submit(self, item):
        """What `run` makes of the item."""
        answer = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((item, answer))
        except asyncio.QueueFull:
            raise Overloaded from None
        return await answer

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._rows and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            # A client that has left needs no answer.
            batch = [(item, answer) for item, answer in batch if not answer.done()]
            if not batch:
                continue
            try:
                outcomes = await loop.run_in_executor(self._threads, self._run, [item for item, _ in batch])
            except Exception as error:
                outcomes = [error] * len(batch)
            for (_, answer), outcome in zip(batch, outcomes):
                if answer.done():
                    continue
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)
