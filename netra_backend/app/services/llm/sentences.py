"""The sentences of the scripted model; every number in them comes from a tool's answer or from another agent's findings."""

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from netra_backend.app.services.llm.conversation import Conversation

_SAVING = re.compile(r"^(Moving .+) saves \$([\d,]+\.\d\d)", re.MULTILINE)
_FIGURE = re.compile(r"\d")
_SHOWN_CHARACTERS, _SHOWN_ROWS = 300, 5

_NOTHING_FOUND = (
    "I have no figures yet. Tell me which models you use, or which period you mean, and whether you care about usage, cost or savings."
)
_NOTHING_ASKED = (
    "I can summarise usage, break down cost, look up prices, simulate a switch of models and save an action plan. What shall I look up?"
)


def closing_words(talk: Conversation) -> str:
    """Return an agent's answer, one sentence on each line."""
    if talk.agent == "reporting":
        return _report(talk)
    # The result of a simulation already contains the prices that it used.
    left_out = {"price_lookup"} if talk.of("simulate_switch") else set()
    said = [line for tool, result in talk.results if tool not in left_out for line in _SENTENCES.get(tool, _any)(result)]
    return "\n".join([*said, *talk.problems]) or _NOTHING_ASKED


def savings_in(talk: Conversation) -> list[tuple[str, float]]:
    """Return the switches that save money, with the saving in dollars, largest saving first; from tool answers or findings."""
    known = "\n".join([*talk.findings.values(), *(_switch(result)[0] for tool, result in talk.results if tool == "simulate_switch")])
    savings = {action: float(amount.replace(",", "")) for action, amount in _SAVING.findall(known)}
    return sorted(savings.items(), key=lambda saving: (-saving[1], saving[0]))


def _report(talk: Conversation) -> str:
    figures = [line for text in talk.findings.values() for line in text.splitlines() if _FIGURE.search(line)]
    if not figures:
        return _NOTHING_FOUND
    savings = savings_in(talk)
    advice = [f"The best option: {savings[0][0][0].lower()}{savings[0][0][1:]}, for ${savings[0][1]:,.2f} less."] if savings else []
    return "\n".join(["What we found:", *dict.fromkeys(figures), *advice])


def _days(result: Mapping[str, Any]) -> str:
    return f"From {result['since']} to {result['until']}" if result.get("since") else "In total"


def _usage(result: Mapping[str, Any]) -> list[str]:
    if not result["requests"]:
        return ["No usage is recorded."]
    top = ", ".join(f"{row['model']} ${row['cost_usd']:,.2f}" for row in result["top_models"])
    tokens = f"{result['input_tokens']:,} input and {result['output_tokens']:,} output tokens"
    return [
        f"{_days(result)}: {result['requests']:,} requests, {tokens}, ${result['cost_usd']:,.2f}.",
        f"Most expensive of {result['models']} models: {top}.",
    ]


def _breakdown(result: Mapping[str, Any]) -> list[str]:
    by, rows = result["by"], result["rows"]
    shown = rows[-_SHOWN_ROWS:] if by == "day" else rows[:_SHOWN_ROWS]
    parts = ", ".join(f"{row[by]} ${row['cost_usd']:,.2f} ({row['percent']:g}%)" for row in shown)
    return [f"Cost by {by}: {parts or 'none'}; total ${result['cost_usd']:,.2f}."]


def _prices(result: Mapping[str, Any]) -> list[str]:
    return [
        f"{price['model']} costs ${price['input_usd_per_million']:,.2f} for a million input tokens and "
        f"${price['output_usd_per_million']:,.2f} for a million output tokens ({price['quality_tier']})."
        for price in result["prices"]
    ]


def _switch(result: Mapping[str, Any]) -> list[str]:
    saving, move = result["savings_usd"], f"Moving {result['share']:.0%} of {result['from_model']} to {result['to_model']}"
    if saving > 0:
        return [f"{move} saves ${saving:,.2f} ({result['savings_percent']:g}%) of ${result['current_cost_usd']:,.2f}."]
    if saving < 0:
        return [f"{move} costs ${-saving:,.2f} more than ${result['current_cost_usd']:,.2f}."]
    return [f"{move} saves nothing of ${result['current_cost_usd']:,.2f}."]


def _saved(result: Mapping[str, Any]) -> list[str]:
    return [f"Saved the plan {result['title']!r} with {result['items']} item{'' if result['items'] == 1 else 's'} as {result['plan_id']}."]


def _any(result: Mapping[str, Any]) -> list[str]:
    """Return the beginning of the answer, for a tool that has no sentences of its own."""
    return [json.dumps(result, ensure_ascii=False)[:_SHOWN_CHARACTERS]]


_SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = MappingProxyType(
    {
        "usage_summary": _usage,
        "cost_breakdown": _breakdown,
        "price_lookup": _prices,
        "simulate_switch": _switch,
        "save_action_plan": _saved,
    }
)
