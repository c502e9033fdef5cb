"""Tells the relay how a Modal function ended, and on the way how far it is. Copy this file and `relay_sender.py`.

    @app.function(timeout=600, secrets=[modal.Secret.from_name("relay")])   # RELAY_URL, RELAY_SECRET
    @relay_modal.reported(timeout=600)
    def predict(job_id: str, sequence: str) -> dict:
        relay_modal.current().progress(10, "model loaded")
        …

Success, exception, time-out and cancellation are each posted once, signed, with retries. The function's own result or
exception is what its caller gets, whatever becomes of the webhook. README.md says what is posted when.
"""

import asyncio
import contextvars
import functools
import hashlib
import inspect
import json
import logging
import threading
import time
import uuid
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Optional

from relay_sender import Courier, Outcome, Sender

log = logging.getLogger("relay")

IDS = ("job_id", "batch_id", "run_id", "project_id")
# A larger result is left out and said to be: the relay takes 6 MB, and this leaves room for the rest.
RESULT_LIMIT = 4_000_000
# Modal interrupts again 30 s after it has cancelled an input.
AFTER_CANCELLATION = 15.0
CANCELLED_BY_MODAL = "Input was cancelled by user"

_current: "contextvars.ContextVar[Optional[Job]]" = contextvars.ContextVar("relay_job", default=None)


def current() -> "Job":
    """The job that is running here."""
    job = _current.get()
    if job is None:
        raise LookupError("nothing is reported here: neither in a @reported function nor in `with reported(…)`")
    return job


class Job:
    """One call, from its start to the one message that says how it ended."""

    def __init__(self, settings: "reported", ids: Dict[str, str]) -> None:
        self._settings = settings
        self._input_id = ""
        own = self._call_id()
        self.call_id = str(ids.get("call_id") or own)
        self.ids = {name: str(ids[name]) for name in IDS if ids.get(name) is not None}
        if "job_id" not in self.ids:
            # Somebody has to know the job by this id: the one who asks for the work, before it begins.
            log.warning("no job_id was given, the call id %s stands in for it", self.call_id)
            self.ids["job_id"] = self.call_id
        self.result: Any = None
        self.outcome: Optional[Outcome] = None
        self._lock = threading.Lock()
        self._sent: "set[str]" = set()
        self._began = time.monotonic()
        self._timer: Optional[threading.Timer] = None
        self._courier = Courier(self._report, settings.interval)

    def progress(self, percent: Optional[float] = None, message: Optional[str] = None) -> None:
        """How far it is. Returns at once; of several within a second the last is posted."""
        self._courier.progress(percent, message)

    def log(self, *lines: str) -> None:
        """Prints the lines and, where `logs=True` asked for it, posts them, a second's worth at a time."""
        for line in lines:
            print(line, flush=True)
        if self._settings.logs:
            self._courier.lines(lines)

    def _call_id(self) -> str:
        try:
            import modal

            call, self._input_id = modal.current_function_call_id(), modal.current_input_id() or ""
        except Exception:  # Not there.
            call = None
        self.in_container = call is not None
        return call or f"local-{uuid.uuid4()}"

    def _message_id(self, status: str) -> str:
        """The same for the same end of the same input, so that a container that is started again repeats it."""
        said = "\n".join((self.call_id, self._input_id, self.ids["job_id"], status))
        return "msg_" + hashlib.sha256(said.encode()).hexdigest()[:32]

    def _body(self, status: str, **more: Any) -> Dict[str, Any]:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"call_id": self.call_id, "status": status, **more, "metadata": {**self.ids, "timestamp": now}}

    def _report(self, status: str, **more: Any) -> Outcome:
        """What may be lost: that it has started, how far it is, what it printed. Two tries, each with an id of its own."""
        message_id = self._message_id(status) if status == "running" else f"msg_{uuid.uuid4().hex}"
        return self._settings.sender.send(message_id, self._body(status, **more), tries=2, budget=5.0)

    # From the start to the end.

    def start(self) -> None:
        try:
            self._start()
        except Exception:  # No thread to be had, say. The work begins all the same.
            log.exception("reporting could not begin")

    def _start(self) -> None:
        if self._settings.started:
            self._courier.started()
        timeout = self._settings.timeout
        if timeout:
            # Modal need not let a call that is over its time do anything more: better to speak shortly before. If it does
            # end in time after all, its real end is posted too, and the relay marks it as late.
            margin = min(self._settings.margin, timeout / 10)
            self._timer = threading.Timer(timeout - margin, self._out_of_time)
            self._timer.daemon = True
            self._timer.start()

    def _out_of_time(self) -> None:
        self._terminal("timeout", self._settings.sender.budget, error=self._time_out())

    def _time_out(self) -> Dict[str, str]:
        return {"type": "FunctionTimeoutError", "message": f"not done within {self._settings.timeout:g} s"}

    def finish(self, error: Optional[BaseException]) -> None:
        """Posts how it ended. Raises nothing of its own."""
        if self._timer:
            self._timer.cancel()
        status = self._ending(error)
        self._courier.close()
        budget = self._settings.sender.budget
        if status == "success":
            self._terminal(status, budget, **self._shown())
        elif status == "timeout":
            self._terminal(status, min(budget, AFTER_CANCELLATION), error=self._time_out())
        elif status is None:
            self._report("progress", result={"message": f"interrupted by {_kind(error)}"})
        elif status == "failure" and not self._settings.final_failure:
            self._report("progress", result={"message": f"this attempt failed: {_kind(error)}: {_text(error)}"})
        else:
            budget = min(budget, AFTER_CANCELLATION) if status == "cancelled" else budget
            self._terminal(status, budget, error={"type": _kind(error), "message": _text(error)})

    def _ending(self, error: Optional[BaseException]) -> Optional[str]:
        """The word for it; None if it has not ended but will be started again."""
        if error is None:
            return "success"
        if isinstance(error, KeyboardInterrupt):
            return None  # Modal preempts a container so, and gives its inputs to another one.
        cancelled = isinstance(error, asyncio.CancelledError)
        if cancelled or any(kind.__name__ == "InputCancellation" for kind in type(error).__mro__):
            # Modal ends an input in the same way whether its time is up or somebody cancelled it.
            timeout = self._settings.timeout
            if timeout and time.monotonic() - self._began >= timeout - min(1.0, timeout / 10):
                return "timeout"
            # Without Modal's words it may as well be a container that is preempted.
            if cancelled and self.in_container and CANCELLED_BY_MODAL not in error.args:
                return None
            return "cancelled"
        return "cancelled" if isinstance(error, GeneratorExit) else "failure"

    def _shown(self) -> Dict[str, Any]:
        """The result if it can be sent, else why not."""
        try:
            result = self._settings.result(self.result) if self._settings.result else self.result
            size = len(json.dumps(result, allow_nan=False))
        except Exception as error:  # Whatever a result is, the call has succeeded.
            return {"result": None, "result_omitted": f"{_kind(error)}: {_text(error)}"}
        if size > RESULT_LIMIT:
            return {"result": None, "result_omitted": f"{size} bytes are more than {RESULT_LIMIT}"}
        return {"result": result}

    def _terminal(self, status: str, budget: float, **more: Any) -> None:
        """Posts an end, once. In a thread, as an interrupt of the waiting one must not cut the request."""
        with self._lock:
            if status in self._sent:
                return
            self._sent.add(status)

        def post() -> None:
            self.outcome = self._settings.sender.send(self._message_id(status), self._body(status, **more), budget=budget)

        thread = threading.Thread(target=post, name="relay-completion")
        try:
            thread.start()
        except RuntimeError:  # The interpreter is ending and starts no more threads.
            return post()
        limit = budget + self._settings.sender.timeout
        try:
            thread.join(limit)
        except BaseException:
            thread.join(min(limit, 10.0))
            raise


class reported:  # noqa: N801, it is used as a decorator.
    """A decorator for functions, coroutine functions and generators of both kinds, and a context manager.

    The decorator takes `job_id`, `batch_id`, `run_id` and `project_id` from the function's arguments of these names, or from
    what `ids` makes of its arguments (a dictionary by name). The context manager is given them.

    timeout: that of `@app.function`, in seconds; without it a time-out looks like a cancellation.
    margin: how long before it the time-out is posted; at most a tenth of it.
    started, logs: whether to post that it has begun, and what `job.log` prints. interval: seconds between two reports.
    result: makes of a result what is posted, say a link to where it was put.
    final_failure: False where `@app.function` has `retries=`: an exception then is not the end.
    call_id: in place of Modal's own, which all inputs of one `.map` share; may come from the arguments as well.
    """

    def __init__(
        self,
        sender: Optional[Sender] = None,
        *,
        timeout: Optional[float] = None,
        margin: float = 5.0,
        started: bool = False,
        logs: bool = False,
        interval: float = 1.0,
        result: Optional[Callable[[Any], Any]] = None,
        final_failure: bool = True,
        ids: Optional[Callable[[Dict[str, Any]], Dict[str, Any]]] = None,
        **given: Optional[str],
    ) -> None:
        unknown = set(given) - {*IDS, "call_id"}
        if unknown:
            raise TypeError(f"reported() does not know {', '.join(sorted(unknown))}")
        self.sender = sender or Sender()
        self.timeout = timeout
        self.margin = margin
        self.started = started
        self.logs = logs
        self.interval = interval
        self.result = result
        self.final_failure = final_failure
        self.ids = ids
        self._given = given
        self._open: "list[tuple[Job, contextvars.Token]]" = []

    # As a context manager.

    def __enter__(self) -> Job:
        job = Job(self, self._given)
        self._open.append((job, _current.set(job)))
        job.start()
        return job

    def __exit__(self, _: Any, error: Optional[BaseException], __: Any) -> bool:
        job, token = self._open.pop()
        _current.reset(token)
        job.finish(error)
        return False

    async def __aenter__(self) -> Job:
        return self.__enter__()

    async def __aexit__(self, _: Any, error: Optional[BaseException], __: Any) -> bool:
        job, token = self._open.pop()
        _current.reset(token)
        await _aside(job, error)
        return False

    # As a decorator.

    def _job(self, signature: inspect.Signature, args: Any, kwargs: Any) -> Job:
        ids: Dict[str, Any] = dict(self._given)
        try:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            ids.update(self.ids(dict(bound.arguments)) if self.ids else bound.arguments)
        except TypeError:
            pass  # The call itself will say what is wrong with its arguments.
        except Exception:  # Of `ids`, which is not the function's business.
            log.exception("the ids of this call could not be made")
        return Job(self, ids)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)

        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                job = self._job(signature, args, kwargs)
                job.start()
                items = function(*args, **kwargs)
                count, error = 0, None
                try:
                    while True:
                        token = _current.set(job)
                        try:
                            item = await items.__anext__()
                        except StopAsyncIteration:
                            break
                        finally:
                            _current.reset(token)
                        count += 1
                        yield item
                except BaseException as caught:
                    error = caught
                    raise
                finally:
                    job.result = {"items": count}
                    try:
                        await items.aclose()
                    finally:
                        await _aside(job, error)

        elif inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                job = self._job(signature, args, kwargs)
                job.start()
                # Its own context, as what a generator sets would stay set in its caller between two items.
                context = contextvars.copy_context()
                context.run(_current.set, job)
                items = function(*args, **kwargs)
                count, error = 0, None
                try:
                    while True:
                        try:
                            item = context.run(next, items)
                        except StopIteration as end:
                            return end.value
                        count += 1
                        yield item
                except BaseException as caught:
                    error = caught
                    raise
                finally:
                    job.result = {"items": count}
                    try:
                        context.run(items.close)
                    finally:
                        job.finish(error)

        elif inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                job = self._job(signature, args, kwargs)
                job.start()
                error, token = None, _current.set(job)
                try:
                    job.result = await function(*args, **kwargs)
                except BaseException as caught:
                    error = caught
                    raise
                finally:
                    _current.reset(token)
                    await _aside(job, error)
                return job.result

        else:

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                job = self._job(signature, args, kwargs)
                job.start()
                error, token = None, _current.set(job)
                try:
                    job.result = function(*args, **kwargs)
                except BaseException as caught:
                    error = caught
                    raise
                finally:
                    _current.reset(token)
                    job.finish(error)
                return job.result

        return wrapper


async def _aside(job: Job, error: Optional[BaseException]) -> None:
    """Finishes beside the event loop, which other inputs share."""
    await asyncio.get_running_loop().run_in_executor(None, job.finish, error)


def _kind(error: Optional[BaseException]) -> str:
    return type(error).__name__


def _text(error: Optional[BaseException]) -> str:
    return str(error)[:1000]
