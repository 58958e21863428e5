class OldEngine:
    """Asks the tool first."""

    def __init__(self, complete, price):
        self._complete, self._price = complete, price

    async def answer(self, body):
        cost = await self._price(body["product"])
        async for word in self._complete(body["product"]):
            yield {"type": "word", "text": word}
        yield {"type": "done", "cost": cost}
