"""`ChatModel` for any endpoint with OpenAI's chat completions protocol."""

import asyncio
import logging
from typing import Any

import msgspec
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError, AsyncOpenAI

from netra_backend.app.config import Settings
from netra_backend.app.errors import ModelTimeoutError, ModelUnavailableError
from netra_backend.app.services.llm.chat_model import Message, ModelReply, ModelRequest, ToolCall, Usage

logger = logging.getLogger(__name__)


class _WireMessage(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _WireMessage


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]
    usage: Usage | None = None


_decoder = msgspec.json.Decoder(_Completion)


class OpenAIChatModel:
    """Asks the endpoint; the SDK retries after 408, 409, 429, 5xx and lost connections.

    Args:
        base_url: address of the endpoint, such as `https://api.openai.com/v1`.
        api_key: sent as bearer token; never part of an error or a log line.
        model: the model for requests that name none.
        timeout_s: time limit of a completion in seconds, retries included; more than 0.
        max_retries: number of tries after the first one.
    """

    def __init__(self, *, base_url: str, api_key: str, model: str, timeout_s: float, max_retries: int) -> None:
        self._model, self._timeout_s = model, timeout_s
        self._client = AsyncOpenAI(base_url=base_url, api_key=api_key, timeout=timeout_s, max_retries=max_retries)

    @classmethod
    def from_settings(cls, settings: Settings) -> "OpenAIChatModel":
        """Return the model of these settings."""
        key = settings.openai_api_key
        return cls(
            base_url=settings.openai_base_url,
            api_key=key.get_secret_value() if key else "",
            model=settings.openai_model,
            timeout_s=settings.openai_timeout_s,
            max_retries=settings.openai_retries,
        )

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        """Return the completion; see `ChatModel.complete`.

        Raises:
            ModelTimeoutError: no answer in time, retries included.
            ModelUnavailableError: the endpoint refused, cannot be reached, or gave an answer that cannot be read.
        """
        # The raised errors and the log contain no text of the SDK's errors, because such a text may quote the key or the request.
        try:
            # The SDK's time-out restarts with every try and every byte; this one limits the whole completion.
            async with asyncio.timeout(self._timeout_s):
                body = await self._post(request)
        except (TimeoutError, APITimeoutError):
            logger.warning("model %s did not answer %s in %g s", self._model, lane, self._timeout_s)
            raise ModelTimeoutError(f"the model did not answer within {self._timeout_s:g} s; try again") from None
        except APIStatusError as error:
            logger.warning("model %s refused %s: HTTP %d, request id %s", self._model, lane, error.status_code, error.request_id)
            raise ModelUnavailableError(_advice(error.status_code)) from None
        except APIConnectionError:
            logger.warning("model %s cannot be reached for %s", self._model, lane)
            raise ModelUnavailableError("the model's endpoint cannot be reached; try again, or check NETRA_OPENAI_BASE_URL") from None
        except APIError as error:
            logger.warning("model %s failed for %s: %s", self._model, lane, type(error).__name__)
            raise ModelUnavailableError("the model's endpoint gave no usable answer; try again") from None
        return self._read(body, lane)

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        await self._client.close()

    async def _post(self, request: ModelRequest) -> bytes:
        options: dict[str, Any] = {"tools": msgspec.to_builtins(request.tools)} if request.tools else {}
        response = await self._client.chat.completions.with_raw_response.create(
            model=request.model or self._model,
            messages=msgspec.to_builtins(request.messages),
            temperature=request.temperature,
            **options,
        )
        body: bytes = response.content
        return body

    def _read(self, body: bytes, lane: str) -> ModelReply:
        """Decode and check the answer, because the SDK returns any answer unchecked."""
        try:
            completion = _decoder.decode(body)
            message = completion.choices[0].message
        except (msgspec.MsgspecError, UnicodeDecodeError, IndexError):
            logger.warning("model %s answered %s with %d bytes that are not a chat completion", self._model, lane, len(body))
            raise ModelUnavailableError(
                "the model's endpoint answered with something that is not a chat completion; check NETRA_OPENAI_BASE_URL"
            ) from None
        content = message.content if message.content is not None else message.refusal
        if content is None and not message.tool_calls:
            logger.warning("model %s answered %s with neither text nor tool calls", self._model, lane)
            raise ModelUnavailableError("the model answered with neither text nor tool calls; try again")
        return ModelReply(message=Message(role="assistant", content=content, tool_calls=message.tool_calls or ()), usage=completion.usage)


def _advice(status: int) -> str:
    match status:
        case 401 | 403:
            return f"the model's endpoint refused the key (HTTP {status}); check NETRA_OPENAI_API_KEY"
        case 404:
            return "the model's endpoint has no such path or model (HTTP 404); check NETRA_OPENAI_BASE_URL and NETRA_OPENAI_MODEL"
        case 429:
            return "the model's endpoint is over its rate limit (HTTP 429); try again later"
        case _ if status >= 500:  # noqa: PLR2004 - the class of server errors
            return f"the model's endpoint is failing (HTTP {status}); try again later"
        case _:
            return f"the model's endpoint refused the request (HTTP {status})"
