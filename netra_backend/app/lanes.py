"""Causal lanes of a run: only frames in the same lane have a defined order."""

import msgspec


class _Payload(msgspec.Struct, gc=False):
    tool_name: str = ""


class _Frame(msgspec.Struct, gc=False):
    type: str
    agent_name: str
    payload: _Payload


class Lanes:
    """Places each frame of one run in its causal lane: its agent, or its agent's n-th call of a tool."""

    _decoder = msgspec.json.Decoder(_Frame)

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}
        self._ended: dict[str, int] = {}

    def place(self, frame: bytes) -> tuple[str, str]:
        """Return the frame's event type and its lane. The n-th completion of a tool belongs to the n-th call of this tool."""
        decoded = self._decoder.decode(frame)
        if decoded.type not in ("tool_executing", "tool_completed"):
            return decoded.type, decoded.agent_name
        tool = f"{decoded.agent_name}/{decoded.payload.tool_name}"
        counted = self._begun if decoded.type == "tool_executing" else self._ended
        number = counted[tool] = counted.get(tool, 0) + 1
        return decoded.type, f"{tool}#{number}"
