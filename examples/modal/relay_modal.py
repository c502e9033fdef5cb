"""Reports the log, the progress and the end of a Modal function to the relay. Copy this file, `relay_logs.py` and
`relay_sender.py`.

    @app.function(timeout=600, secrets=[modal.Secret.from_name("relay")])   # RELAY_URL, RELAY_SECRET
    @relay_modal.reported(timeout=600)
    def predict(job_id: str, sequence: str) -> dict:
        relay_modal.current().progress(10, "model loaded")
        …

Success, exception, time-out and cancellation are each posted once, signed, with retries. The caller gets the function's own
result or exception, even if the webhook cannot be posted. README.md lists what is posted when.
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

from relay_logs import JobLog
from relay_sender import Courier, Outcome, Sender

log = logging.getLogger("relay")

IDS = ("job_id", "batch_id", "run_id", "project_id")
# Bytes of JSON. A larger result is left out and marked as omitted: the relay accepts 6 MB including the other fields.
RESULT_LIMIT = 4_000_000
# Seconds for the report of a cancellation: Modal interrupts again 30 s after it has cancelled an input.
AFTER_CANCELLATION = 15.0
CANCELLED_BY_MODAL = "Input was cancelled by user"

_current: "contextvars.ContextVar[Optional[Job]]" = contextvars.ContextVar("relay_job", default=None)


def current() -> "Job":
    """The running job. Raises LookupError outside a reported function."""
    job = _current.get()
    if job is None:
        raise LookupError("no reported job is running: call this in a @reported function or in `with reported(…)`")
    return job


class Job:
    """One reported call, from its start to the message about its end."""

    def __init__(self, settings: "reported", ids: Dict[str, str]) -> None:
        self._settings = settings
        self._input_id = ""
        own = self._call_id()
        self.call_id = str(ids.get("call_id") or own)
        self.ids = {name: str(ids[name]) for name in IDS if ids.get(name) is not None}
        if "job_id" not in self.ids:
            # The caller should choose the job id and register the job before the work begins.
            log.warning("no job_id was given; the call id %s is used instead", self.call_id)
            self.ids["job_id"] = self.call_id
        self.result: Any = None
        self.outcome: Optional[Outcome] = None
        self._lock = threading.Lock()
        self._sent: "set[str]" = set()
        self._began = time.monotonic()
        self._timer: Optional[threading.Timer] = None
        self._courier = Courier(self._report, settings.interval)
        self._log = JobLog(self.ids["job_id"], settings.sender)

    def progress(self, percent: Optional[float] = None, message: Optional[str] = None) -> None:
        """Reports progress without waiting. Of several reports within `interval` the last is posted."""
        self._courier.progress(percent, message)

    def log(self, *lines: str) -> None:
        """Prints the lines and sends them to the job's log, in batches and without waiting. With `logs=True` they are also
        posted as progress, once per `interval`."""
        self._log(*lines)
        if self._settings.logs:
            self._courier.lines(lines)

    def _call_id(self) -> str:
        try:
            import modal

            call, self._input_id = modal.current_function_call_id(), modal.current_input_id() or ""
        except Exception:  # Modal is not installed, or this is not a Modal container.
            call = None
        self.in_container = call is not None
        return call or f"local-{uuid.uuid4()}"

    def _message_id(self, status: str) -> str:
        """The id of a message. Equal for the same end of the same input, so that a restarted container repeats the id."""
        said = "\n".join((self.call_id, self._input_id, self.ids["job_id"], status))
        return "msg_" + hashlib.sha256(said.encode()).hexdigest()[:32]

    def _body(self, status: str, **more: Any) -> Dict[str, Any]:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"call_id": self.call_id, "status": status, **more, "metadata": {**self.ids, "timestamp": now}}

    def _report(self, status: str, **more: Any) -> Outcome:
        """Posts a start or progress, which may be lost: two tries within 5 s."""
        message_id = self._message_id(status) if status == "running" else f"msg_{uuid.uuid4().hex}"
        return self._settings.sender.send(message_id, self._body(status, **more), tries=2, budget=5.0)

    def start(self) -> None:
        try:
            self._start()
        except Exception:  # For example if no thread can be started. The work begins nevertheless.
            log.exception("job %s: reporting could not begin; the function runs unreported", self.ids["job_id"])

    def _start(self) -> None:
        if self._settings.started:
            self._courier.started()
        timeout = self._settings.timeout
        if timeout:
            # Modal may stop a call at its time-out without a chance to report, so the time-out is posted shortly before.
            # If the call ends in time after all, its real end is posted too, and the relay marks that message as late.
            margin = min(self._settings.margin, timeout / 10)
            self._timer = threading.Timer(timeout - margin, self._out_of_time)
            self._timer.daemon = True
            self._timer.start()

    def _out_of_time(self) -> None:
        self._terminal("timeout", self._settings.sender.budget, error=self._time_out())

    def _time_out(self) -> Dict[str, str]:
        return {"type": "FunctionTimeoutError", "message": f"not done within {self._settings.timeout:g} s"}

    def finish(self, error: Optional[BaseException]) -> None:
        """Posts the end of the call. Never raises because of the webhook."""
        if self._timer:
            self._timer.cancel()
        status = self._ending(error)
        self._log.begin_close()
        try:
            self._end(status, error)
        finally:
            # What is left of the log goes beside the end, so that both together take no longer.
            self._log.close()

    def _end(self, status: Optional[str], error: Optional[BaseException]) -> None:
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
        """The status of an end; None if the call was interrupted and Modal will start it again."""
        if error is None:
            return "success"
        if isinstance(error, KeyboardInterrupt):
            return None  # Modal preempts containers with this exception and restarts their inputs in another one.
        cancelled = isinstance(error, asyncio.CancelledError)
        if cancelled or any(kind.__name__ == "InputCancellation" for kind in type(error).__mro__):
            # Modal raises the same exception for a time-out and for a cancellation.
            timeout = self._settings.timeout
            if timeout and time.monotonic() - self._began >= timeout - min(1.0, timeout / 10):
                return "timeout"
            # Without Modal's message the container may have been preempted.
            if cancelled and self.in_container and CANCELLED_BY_MODAL not in error.args:
                return None
            return "cancelled"
        return "cancelled" if isinstance(error, GeneratorExit) else "failure"

    def _shown(self) -> Dict[str, Any]:
        """The result, or the reason why the result cannot be sent."""
        try:
            result = self._settings.result(self.result) if self._settings.result else self.result
            size = len(json.dumps(result, allow_nan=False))
        except Exception as error:  # A result that is not JSON does not make the call a failure.
            return {"result": None, "result_omitted": f"{_kind(error)}: {_text(error)}"}
        if size > RESULT_LIMIT:
            return {"result": None, "result_omitted": f"{size} bytes are more than {RESULT_LIMIT}"}
        return {"result": result}

    def _terminal(self, status: str, budget: float, **more: Any) -> None:
        """Posts an end once, in a thread of its own: an interrupt of the calling thread must not cut the request."""
        with self._lock:
            if status in self._sent:
                return
            self._sent.add(status)

        def post() -> None:
            self.outcome = self._settings.sender.send(self._message_id(status), self._body(status, **more), budget=budget)

        thread = threading.Thread(target=post, name="relay-completion")
        try:
            thread.start()
        except RuntimeError:  # The interpreter is shutting down and starts no more threads.
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
    the dictionary that `ids` returns for the arguments. The context manager takes them as its own arguments.

    timeout: the `timeout` of `@app.function`, in seconds. Without it a time-out is reported as a cancellation.
    margin: seconds before the time-out at which it is posted; at most a tenth of `timeout`.
    started, logs: whether to post the start, and the lines of `job.log` as progress too. interval: seconds between two reports.
    result: a function that returns what to post for a result, for example a link to the stored result.
    final_failure: False if `@app.function` has `retries=`, where an exception is not the end.
    call_id: replaces Modal's call id, which all inputs of one `.map` share; may also be an argument of the function.
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
            pass  # The call itself raises the error about its arguments.
        except Exception:  # An error of `ids` must not fail the function.
            log.exception("`ids` failed; the call is reported under its call id")
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
                # A context of its own: context variables that a generator sets would stay set in its caller.
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
    """Posts the end in a thread, because other inputs share the event loop."""
    await asyncio.get_running_loop().run_in_executor(None, job.finish, error)


def _kind(error: Optional[BaseException]) -> str:
    return type(error).__name__


def _text(error: Optional[BaseException]) -> str:
    return str(error)[:1000]
