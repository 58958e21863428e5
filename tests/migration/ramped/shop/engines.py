from shop.new import NewEngine
from shop.old import OldEngine
from shop.outside import complete, price

from migration import Origin, stream_engine
from migration.effects import effect

PORTS = effect("model")(complete), effect("tool")(price)


def build(surface, origin):
    engine = (OldEngine if origin is Origin.CONTROL else NewEngine)(*PORTS)
    return stream_engine(lambda request: engine.answer(request.body))
