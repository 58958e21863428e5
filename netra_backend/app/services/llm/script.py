"""The next step of the scripted model: the tool calls that it still has to make, or the final text.

Triage answers by the first rule that matches. If the user names a model or mentions money: "sufficient". If the user mentions use:
"partial". Otherwise: "insufficient". The agents `data`, `optimization` and `actions` call their own tools. Any other agent calls the tools
that match words of the question. Each offered tool is called once. A switch is simulated between the models that the user names. If the
user names no old model, it is the most expensive one in use; if the user names no new model, the two cheapest ones are simulated.
"""

import json
import re
from datetime import timedelta
from typing import Any

from netra_backend.app.services.llm.conversation import Conversation, models_in
from netra_backend.app.services.llm.sentences import closing_words, savings_in

Call = tuple[str, dict[str, Any]]  #: tool and arguments

_MONEY = re.compile(
    r"\b(cost|spen[dt]|bill|budget|pric|expens|cheap|sav(e|ing)|money|dollar|usd|optimi[sz]|reduc|switch|replac)|[$€]", re.IGNORECASE
)
_USE = re.compile(r"\b(us(e|es|ed|ing|age)|tokens?|requests?|traffic|volume|models?|trends?|ai|llms?)\b", re.IGNORECASE)
_PERCENT = re.compile(r"\b(\d{1,3})\s?%")
_DAILY = re.compile(r"\b((by|each|every|per|a) day|daily|trends?)\b", re.IGNORECASE)
_LAST_DAYS = re.compile(r"\blast (?:(\d{1,3}) days|(week)|(month))\b", re.IGNORECASE)

#: Words in a question -> tools that the answer needs.
_WORDS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"\b(usage|tokens?|requests?|traffic|volume|used?)\b", re.IGNORECASE), ("usage_summary",)),
    (re.compile(r"\b(costs?|spen[dt]|spending|bill|budget|expensive)\b", re.IGNORECASE), ("cost_breakdown",)),
    (re.compile(r"\b(prices?|priced|pricing|context window)\b", re.IGNORECASE), ("price_lookup",)),
    (
        re.compile(r"\b(switch|replace|instead|cheaper|sav(e|es|ing|ings)|reduce|optimi[sz]e|less)\b", re.IGNORECASE),
        ("cost_breakdown", "price_lookup", "simulate_switch"),
    ),
    (re.compile(r"\b(save|store|keep|make|write)\b.*\bplan\b", re.IGNORECASE), ("save_action_plan",)),
)
#: Agent -> tools that it calls for any question. An agent that is not listed chooses tools by the words of the question.
_WANTED = {
    "data": ("usage_summary", "cost_breakdown"),
    "optimization": ("price_lookup", "simulate_switch"),
    "actions": ("save_action_plan",),
}
_SIMULATED = 2  #: number of simulated switches when the user does not name the new model


def next_move(talk: Conversation) -> tuple[Call, ...] | str:
    """Return the tool calls to make next, or the final text."""
    if talk.agent == "triage":
        return _verdict(talk.question)
    wanted = _wanted(talk)
    for calls in (_lookups, _switches, _plan):
        if made := calls(talk, wanted):
            return made
    return closing_words(talk)


def _verdict(question: str) -> str:
    if models_in(question):
        sufficiency, reason = "sufficient", "The request names a model; its usage and price can be looked up."
    elif _MONEY.search(question):
        sufficiency, reason = "sufficient", "The request is about cost or savings; both can be looked up."
    elif _USE.search(question):
        sufficiency, reason = "partial", "The request is about usage, but leaves open what to improve."
    else:
        sufficiency, reason = "insufficient", "The request names neither a model nor usage nor cost."
    return json.dumps({"data_sufficiency": sufficiency, "reason": reason})


def _wanted(talk: Conversation) -> frozenset[str]:
    """Return the tools that are still to be called."""
    by_word = (tool for words, tools in _WORDS if words.search(talk.question) for tool in tools)
    return frozenset(_WANTED.get(talk.agent, by_word)) & talk.offered - talk.called


def _lookups(talk: Conversation, wanted: frozenset[str]) -> tuple[Call, ...]:
    by = "day" if _DAILY.search(talk.question) else "model"
    named = models_in(talk.question)
    # A switch needs all prices; a question about one model needs one price.
    prices = {"model": named[0]} if len(named) == 1 and "simulate_switch" not in wanted else {}
    arguments = {"usage_summary": _period(talk), "cost_breakdown": {"by": by, **_period(talk)}, "price_lookup": prices}
    return tuple((tool, made) for tool, made in arguments.items() if tool in wanted)


def _period(talk: Conversation) -> dict[str, str]:
    asked = _LAST_DAYS.search(talk.question)
    if asked is None or talk.today is None:
        return {}
    days = int(asked[1]) if asked[1] else 7 if asked[2] else 30
    return {"since": (talk.today - timedelta(days=days - 1)).isoformat()}


def _switches(talk: Conversation, wanted: frozenset[str]) -> tuple[Call, ...]:
    if "simulate_switch" not in wanted:
        return ()
    prices = {
        price["model"]: price["input_usd_per_million"] + price["output_usd_per_million"]
        for price in talk.of("price_lookup").get("prices", ())
    }
    named = models_in(talk.question, prices)
    used = [row["model"] for row in talk.of("cost_breakdown").get("rows", ()) if "model" in row]
    old = next(
        iter([*named, *used, *models_in("\n".join(talk.findings.values()), prices), *sorted(prices, key=prices.__getitem__, reverse=True)]),
        None,
    )
    cheaper = sorted((model for model in prices if prices[model] < prices.get(old or "", 0)), key=lambda model: (prices[model], model))
    share = _PERCENT.search(talk.question)
    part = {"share": min(max(int(share[1]), 1), 100) / 100} if share else {}
    return tuple(("simulate_switch", {"from_model": old, "to_model": new, **part}) for new in named[1:2] or cheaper[:_SIMULATED])


def _plan(talk: Conversation, wanted: frozenset[str]) -> tuple[Call, ...]:
    if "save_action_plan" not in wanted:
        return ()
    items = [{"action": action, "saving_usd": saving} for action, saving in savings_in(talk)]
    title = "Spend less on AI models" if items else "Find out what AI models cost"
    return (
        (
            "save_action_plan",
            {"title": title, "items": items or [{"action": "Review the most expensive model with the people who use it."}]},
        ),
    )
