"""Questions to Kowalski: one at a time, checked, asked again when no answer came.

The protocol is that of ``penquins.Kowalski.query``: a query in, ``{instance: {status, message, data}}`` out; a
collection that no instance has is a ValueError.  Anything with that method serves, as tests do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from shared_io.errors import ExternalFailed, InputNotFound

from scope.kowalski.answers import path_of, read_answer, write_answer

if TYPE_CHECKING:
    from scope.settings import Kowalski

T = TypeVar("T")

THREADS = 4
"""Most questions asked at a time; the service fails under many hundreds, from all users together."""


class Client(Protocol):
    """What answers queries."""

    def query(self, query: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        """Return the answer of an instance by its name."""


@dataclass(frozen=True)
class Service:
    """A client and how it is asked.

    Parameters
    ----------
    client : Client
        Usually :func:`connect`'s.
    retries : int
        Times a question is asked again that got no answer.
    pause : float
        Time before the first of these; each next one waits twice as long [s].
    threads : int
        Questions asked at a time, at most `THREADS`.
    wait : callable
        Sleeps so many seconds.
    kept : pathlib.Path or None
        Folder where answers are kept (:mod:`scope.kowalski.answers`); questions answered there are not asked.
    """

    client: Client
    retries: int = 3
    pause: float = 1.0
    threads: int = THREADS
    wait: Callable[[float], object] = time.sleep
    kept: Path | None = None

    def ask(self, query: Mapping[str, Any]) -> Any:
        """Return the data of an answer.

        Raises
        ------
        ExternalFailed
            When no answer comes, or one that says that the query failed.
        InputNotFound
            When no instance has the collection.
        WriteFailed
            When the answer cannot be kept.
        """
        if self.kept is None:
            return self._ask(query)
        path = path_of(self.kept, query)
        found = read_answer(path)
        if found is None:
            found = self._ask(query)
            write_answer(path, found)
        return found

    def _ask(self, query: Mapping[str, Any]) -> Any:
        for attempt in range(self.retries + 1):
            try:
                answer = self.client.query(query=query)
            except ValueError as error:
                if "not available" in str(error):
                    raise InputNotFound(f"Kowalski: {error}", hint="see kowalski.collections in config.yaml") from error
                problem: Exception = error  # an answer that is no JSON: a page of a proxy
            except Exception as error:  # whatever the network library raises
                problem = error
            else:
                return _data(answer)
            if attempt < self.retries:
                self.wait(self.pause * 2**attempt)
        raise ExternalFailed(
            f"Kowalski does not answer ({type(problem).__name__})", hint="run again later; what is done is kept"
        ) from problem

    def each(self, work: Callable[[T], Any], items: Iterable[T]) -> Iterator[Any]:
        """Yield the answers to questions in their order, a few being asked ahead of the one that is wanted."""
        threads = max(1, min(self.threads, THREADS))
        with ThreadPoolExecutor(threads) as pool:
            waiting: list[Future[Any]] = []
            try:
                for item in items:
                    waiting.append(pool.submit(work, item))
                    if len(waiting) > threads:
                        yield waiting.pop(0).result()
                for future in waiting:
                    yield future.result()
            finally:
                for future in waiting:
                    future.cancel()


def _data(answer: Mapping[str, Mapping[str, Any]]) -> Any:
    if not isinstance(answer, Mapping) or len(answer) != 1:
        raise ExternalFailed("Kowalski: an answer of one instance was expected")
    name, content = next(iter(answer.items()))
    if not isinstance(content, Mapping) or content.get("status") != "success" or "data" not in content:
        message = content.get("message", "no reason given") if isinstance(content, Mapping) else "not an answer"
        raise ExternalFailed(f"Kowalski ({name}): {message}")
    return content["data"]


def connect(settings: Kowalski, names: Sequence[str] = ()) -> Client:
    """Log in to the instances that there are tokens for.

    Parameters
    ----------
    settings : Kowalski
        Section kowalski of the configuration.
    names : sequence of str
        Only these instances.

    Returns
    -------
    Client

    Raises
    ------
    InputNotFound
        When an instance is unknown or there is no token.
    ExternalFailed
        When penquins is not installed or an instance refuses.
    """
    wanted = list(names) or [name for name, host in settings.hosts.items() if host.usable]
    unknown = [name for name in wanted if name not in settings.hosts]
    if unknown:
        raise InputNotFound(f"kowalski.hosts has no {', '.join(unknown)}", hint="add it to config.yaml")
    silent = [name for name in wanted if not settings.hosts[name].usable]
    if silent or not wanted:
        raise InputNotFound(
            f"no token for Kowalski{f' ({silent[0]})' if silent else ''}",
            hint="set KOWALSKI_INSTANCE_TOKEN, or NAME_INSTANCE_TOKEN of a host in config.yaml",
        )
    try:
        from penquins import Kowalski as Penquins
    except ImportError as error:
        raise ExternalFailed("penquins is not installed", hint="pip install penquins") from error
    instances = {name: settings.address(name) | _login(settings, name) for name in wanted}
    try:
        client = Penquins(instances=instances, timeout=settings.timeout, max_retries=settings.max_retries)
    except Exception as error:
        # The reason may quote what was sent; the names of the instances are enough.
        raise ExternalFailed(
            f"Kowalski ({', '.join(wanted)}) refuses or does not answer", hint="check host and token"
        ) from (None if isinstance(error, ValueError) else error)
    # The library takes a refusal for an instance without collections.
    empty = [name for name in wanted if not client.instances[name].get("catalogs")]
    if empty:
        raise ExternalFailed(f"Kowalski ({', '.join(empty)}) does not accept the token", hint="check it")
    return client


def _login(settings: Kowalski, name: str) -> dict[str, str]:
    host = settings.hosts[name]
    if host.token is not None:
        return {"token": host.token.get_secret_value()}
    return {"username": host.username or "", "password": host.password.get_secret_value() if host.password else ""}
