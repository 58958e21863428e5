from shop.app import app
from starlette.testclient import TestClient


def test_an_answer_ends_with_what_it_costs():
    with TestClient(app) as client:
        assert client.get("/", params={"product": "lamp", "tenant": "acme"}).text.splitlines()[-1] == '{"type": "done", "cost": 13.5}'
