"""`effect`: a decorator that turns your own function into a port: plain, async, or a generator of either kind."""

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import aclosing
from typing import Any, Final, TypeVar, cast, get_args, get_type_hints

import msgspec

from migration.effects.ports import perform, perform_now, perform_stream, perform_stream_now, stream_tape
from migration.errors import RecordedEffectError
from migration.model import EffectKind

_F = TypeVar("_F", bound=Callable[..., Any])
_SELF: Final = ("self", "cls")


def effect(
    kind: EffectKind, name: str = "", *, raises: Iterable[type[Exception]] = (), leave_out: Iterable[str] = ()
) -> Callable[[_F], _F]:
    """Return a decorator that makes a function's calls effects: performed and recorded in a run, answered from its journal in a replay.

    Arguments and results must be values that JSON can hold: plain values, lists, dicts, dataclasses, msgspec structs, pydantic models,
    dates, UUIDs. A replayed result has the type of the function's return annotation; without an annotation, it consists of plain values.
    For a generator
    the annotation names the type of its items. The recorded request is `{"name": NAME, "arguments": {PARAMETER: VALUE}}`, without `self`
    and `cls`.

    Args:
        kind: "model", "tool", "clock" or "id".
        name: name of the model or tool; empty: the function's name.
        raises: exceptions that callers handle. If a recorded failure has the name of one of them, that class is raised with the recorded
            text. Any other failure is raised as a `RecordedEffectError`, which is also an instance of Python's own exception of that name.
        leave_out: parameters that are not part of the request: clients, sessions, secrets.

    Raises:
        TypeError: a call's arguments do not fit the function, or contain a value that JSON cannot hold.
    """
    errors, hidden = {error.__name__: error for error in raises}, {*_SELF, *leave_out}

    def decorate(function: _F) -> _F:
        port = _Port(kind, name or function.__name__, function, hidden, errors)
        if inspect.isasyncgenfunction(function):
            streaming: Any = functools.wraps(function)(port.streaming())
            return cast("_F", streaming)
        if inspect.isgeneratorfunction(function):
            wrapper: Callable[..., Any] = port.stream
        elif inspect.iscoroutinefunction(function):
            wrapper = port.async_call
        else:
            wrapper = port.call
        shaped: _F = _shaped(function, wrapper)
        return shaped

    return decorate


class _Port:
    """One function's port."""

    def __init__(
        self, kind: EffectKind, name: str, function: Callable[..., Any], hidden: set[str], errors: dict[str, type[Exception]]
    ) -> None:
        self._kind, self._name, self._function, self._hidden, self._errors = kind, name, function, hidden, errors
        self._signature = inspect.signature(function)
        parameters = self._signature.parameters.values()
        #: names of the parameters in order if each takes exactly one argument: then a call needs no slow binding of arguments
        self._names = tuple(one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD)
        self._all_plain = len(self._names) == len(parameters)

    @functools.cached_property
    def _type(self) -> Any:  # noqa: ANN401 - a type
        annotated = get_type_hints(self._function).get("return", Any)
        if inspect.isgeneratorfunction(self._function) or inspect.isasyncgenfunction(self._function):
            return next(iter(get_args(annotated)), Any)
        return annotated

    async def async_call(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function
        async def call() -> bytes:
            return _encode(await self._function(*args, **kwargs))

        try:
            return self._decode(await perform(self._kind, self._name, request=self._request(args, kwargs), call=call))
        except RecordedEffectError as error:
            raise self._own(error) from None

    def call(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function
        request = self._request(args, kwargs)
        try:
            return self._decode(perform_now(self._kind, self._name, request=request, call=lambda: _encode(self._function(*args, **kwargs))))
        except RecordedEffectError as error:
            raise self._own(error) from None

    def streaming(self) -> Callable[..., AsyncGenerator[Any, None]]:
        """Return the async generator function that stands in for the function.

        While a run is recorded, it is the only generator between the function and its caller: each further one would add about as much time
        to every item as recording takes.
        """

        async def async_stream(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - as the function
            request = self._request(args, kwargs)
            tape = stream_tape(self._kind, self._name, request=request)
            if tape is None:
                async with aclosing(self._answered_stream(args, kwargs, request)) as answered:
                    async for item in answered:
                        yield item
                return
            items = self._function(*args, **kwargs)
            following, decode = items.__anext__, self._decoder.decode
            try:
                while True:
                    try:
                        chunk = _encode(await following())
                    except StopAsyncIteration:
                        break
                    except BaseException as error:
                        tape.fail(error)
                        raise
                    tape.take(chunk)
                    yield decode(chunk)
                tape.end(whole=True)
            finally:
                tape.end(whole=False)
                await items.aclose()

        return async_stream

    async def _answered_stream(self, args: tuple[Any, ...], kwargs: dict[str, Any], request: bytes) -> AsyncGenerator[Any, None]:
        async def call() -> AsyncIterator[bytes]:
            async with aclosing(self._function(*args, **kwargs)) as items:
                async for item in items:
                    yield _encode(item)

        chunks = perform_stream(self._kind, self._name, request=request, call=call)
        try:
            async for chunk in chunks:
                yield self._decode(chunk)
        except RecordedEffectError as error:
            raise self._own(error) from None
        finally:
            await chunks.aclose()

    def stream(self, *args: Any, **kwargs: Any) -> Generator[Any, None, None]:  # noqa: ANN401 - as the function
        def call() -> Iterator[bytes]:
            return map(_encode, self._function(*args, **kwargs))

        try:
            for chunk in perform_stream_now(self._kind, self._name, request=self._request(args, kwargs), call=call):
                yield self._decode(chunk)
        except RecordedEffectError as error:
            raise self._own(error) from None

    def _request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        if self._all_plain and not kwargs and len(args) == len(self._names):
            arguments = dict(zip(self._names, args, strict=True))
        else:
            bound = self._signature.bind(*args, **kwargs)
            bound.apply_defaults()
            arguments = bound.arguments
        shown = {name: value for name, value in arguments.items() if name not in self._hidden} if self._hidden else arguments
        return _encode({"name": self._name, "arguments": shown})

    @functools.cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self._type, dec_hook=_from_plain)

    def _decode(self, reply: bytes) -> Any:  # noqa: ANN401 - as the function
        return self._decoder.decode(reply)

    def _own(self, error: RecordedEffectError) -> Exception:
        kind = self._errors.get(error.error_type)
        return error if kind is None else kind(error.message)


def _shaped(function: Callable[..., Any], method: Callable[..., Any]) -> Any:  # noqa: ANN401 - a function of the same shape
    """Return a function and not an object, so that a decorated method gets its `self`, and frameworks see whether it is async."""
    if inspect.iscoroutinefunction(function):

        async def async_call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function
            return await method(*args, **kwargs)

        return functools.wraps(function)(async_call)

    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function
        return method(*args, **kwargs)

    return functools.wraps(function)(call)


def _to_plain(value: object) -> Any:  # noqa: ANN401 - plain values
    if (dump := getattr(value, "model_dump", None)) is not None:
        return dump(mode="json")
    raise TypeError(f"{type(value).__name__} is not a value that JSON can hold; name its parameter in `leave_out`, or return plain values")


def _from_plain(kind: type, value: object) -> Any:  # noqa: ANN401 - an object of that type
    if kind is object:
        return value
    if (validate := getattr(kind, "model_validate", None)) is not None:
        return validate(value)
    raise TypeError(f"{kind.__name__} cannot be made from the recorded value; annotate the function with a type that JSON can hold")


_encode: Final = msgspec.json.Encoder(enc_hook=_to_plain).encode
