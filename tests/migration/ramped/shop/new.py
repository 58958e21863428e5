class NewEngine:
    """Keeps what it ends with ready."""

    def __init__(self, complete, price):
        self._complete, self._price = complete, price

    async def answer(self, body):
        product = body["product"]
        done = {"type": "done", "cost": await self._price(product)}
        async for word in self._complete(product):
            yield {"type": "word", "text": word}
        yield done
