"""Secrets of many kinds, made anew, and texts of many kinds that hold none: to measure what is found. Nothing here was ever valid.

Where more than the secret is made, it stands between « and ».
"""

import base64
import json
import string
from collections.abc import Callable
from random import Random
from typing import Final
from urllib.parse import quote

from stdnum import iban, luhn

Make = Callable[[Random], str]
LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
WORD = LOWER + UPPER + DIGITS


def of(rng: Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


def b64(rng: Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


def url64(rng: Random, size: int) -> str:
    return base64.urlsafe_b64encode(rng.randbytes(size)).decode().rstrip("=")


def jwt(rng: Random) -> str:
    head, body = ({"alg": "HS256", "typ": "JWT"}, {"sub": of(rng, DIGITS, 10), "exp": rng.randrange(10**9)})
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, body)), url64(rng, 32)])


def card(rng: Random, start: str, length: int) -> str:
    body = start + of(rng, DIGITS, length - len(start) - 1)
    return body + luhn.calc_check_digit(body)


def spaced(number: str, by: str = " ") -> str:
    return by.join(number[at : at + 4] for at in range(0, len(number), 4))


def unchecked(number: str) -> str:
    """The number with a last digit that does not check."""
    return number + str((int(luhn.calc_check_digit(number)) + 1) % 10)


def german_iban(rng: Random) -> str:
    account = of(rng, DIGITS, 18)
    return f"DE{iban.calc_check_digits('DE00' + account)}{account}"


def british_iban(rng: Random) -> str:
    account = of(rng, UPPER, 4) + of(rng, DIGITS, 14)
    return f"GB{iban.calc_check_digits('GB00' + account)}{account}"


def key_block(rng: Random, kind: str) -> str:
    return f"-----BEGIN {kind}-----\n" + "\n".join(b64(rng, 48) for _ in range(6)) + f"\n-----END {kind}-----"


SECRETS: Final[dict[str, Make]] = {
    "AWS access key id": lambda r: "AKIA" + of(r, UPPER + DIGITS, 16),
    "AWS temporary key id": lambda r: "ASIA" + of(r, UPPER + DIGITS, 16),
    "AWS secret key": lambda r: b64(r, 30),
    "GitHub token": lambda r: "ghp_" + of(r, WORD, 36),
    "GitHub fine-grained token": lambda r: "github_pat_" + of(r, WORD, 22) + "_" + of(r, WORD, 59),
    "GitLab token": lambda r: "glpat-" + of(r, WORD, 20),
    "Slack bot token": lambda r: f"xoxb-{of(r, DIGITS, 12)}-{of(r, DIGITS, 12)}-{of(r, WORD, 24)}",
    "Slack app token": lambda r: f"xapp-1-A{of(r, UPPER + DIGITS, 10)}-{of(r, DIGITS, 13)}-{of(r, LOWER[:6] + DIGITS, 64)}",
    "Slack web hook": lambda r: (
        f"https://hooks.slack.com/services/T{of(r, UPPER + DIGITS, 8)}/B{of(r, UPPER + DIGITS, 8)}/{of(r, WORD, 24)}"
    ),
    "OpenAI key": lambda r: "sk-proj-" + of(r, WORD + "-_", 48),
    "Anthropic key": lambda r: "sk-ant-api03-" + of(r, WORD + "-_", 80),
    "Stripe live key": lambda r: "sk_live_" + of(r, WORD, 24),
    "Stripe test key": lambda r: "sk_test_" + of(r, WORD, 24),
    "Google API key": lambda r: "AIza" + of(r, WORD + "-_", 35),
    "Google OAuth token": lambda r: f"ya29.«{of(r, WORD + '-_', 60)}»",
    "Hugging Face token": lambda r: "hf_" + of(r, LOWER + UPPER, 17) + of(r, WORD, 17),
    "npm token": lambda r: "npm_" + of(r, WORD, 36),
    "PyPI token": lambda r: "pypi-AgEIcHlwaS5vcmc" + of(r, WORD + "-_", 80),
    "SendGrid key": lambda r: f"SG.{of(r, WORD, 22)}.{of(r, WORD, 43)}",
    "Twilio account": lambda r: "AC" + of(r, "0123456789abcdef", 32),
    "Twilio key": lambda r: "SK" + of(r, "0123456789abcdef", 32),
    "Mailchimp key": lambda r: of(r, "0123456789abcdef", 32) + "-us12",
    "Square token": lambda r: "sq0csp-" + of(r, WORD, 43),
    "Discord token": lambda r: f"M{of(r, WORD, 23)}.{of(r, WORD, 6)}.{of(r, WORD, 27)}",
    "Telegram token": lambda r: f"{of(r, '123456789', 10)}:«AA{of(r, WORD, 33)}»",
    "Azure storage key": lambda r: b64(r, 64),
    "Shopify token": lambda r: "shpat_" + of(r, "0123456789abcdef", 32),
    "DigitalOcean token": lambda r: "dop_v1_" + of(r, "0123456789abcdef", 64),
    "Databricks token": lambda r: "dapi" + of(r, "0123456789abcdef", 32),
    "Vault token": lambda r: f"hvs.«{of(r, WORD, 90)}»",
    "Grafana token": lambda r: f"glsa_{of(r, WORD, 32)}_{of(r, '0123456789abcdef', 8)}",
    "JSON web token": jwt,
    "bearer header": lambda r: "Bearer " + url64(r, 24),
    "basic header": lambda r: "Basic " + base64.b64encode(f"ann:{of(r, WORD, 9)}".encode()).decode(),
    "RSA private key": lambda r: key_block(r, "RSA PRIVATE KEY"),
    "EC private key": lambda r: key_block(r, "EC PRIVATE KEY"),
    "OpenSSH private key": lambda r: key_block(r, "OPENSSH PRIVATE KEY"),
    "PKCS8 private key": lambda r: key_block(r, "PRIVATE KEY"),
    "PGP private key": lambda r: key_block(r, "PGP PRIVATE KEY BLOCK"),
    "password in an address": lambda r: f"postgresql://app:«{of(r, WORD + '!-_', 10)}»@db.example/app",
    "password in a setting": lambda r: f"DB_PASSWORD=«{of(r, LOWER, 8)}»",
    "password in JSON": lambda r: json.dumps({"password": f"«{of(r, WORD, 9)}»"}, ensure_ascii=False),
    "password in a sentence": lambda r: f"the password is «{of(r, LOWER, 6)}{of(r, DIGITS, 2)}»",
    "client secret in a setting": lambda r: f"client_secret: «{of(r, WORD + '~', 34)}»",
    "password in XML": lambda r: f"<db:password>«{of(r, WORD, 10)}»</db:password>",
    "password in JSON within JSON": lambda r: json.dumps(
        {"body": json.dumps({"pass": f"«{of(r, WORD, 10)}»"}, ensure_ascii=False)}, ensure_ascii=False
    ),
    "password on a command line": lambda r: f"mysql -h db --password «{of(r, LOWER, 7)}{of(r, DIGITS, 3)}» -u ann",
    "password in quotes": lambda r: f"the passphrase '«{of(r, LOWER, 12)}»'",
    "user and password for curl": lambda r: f"curl -u ann:«{of(r, WORD, 8)}{of(r, DIGITS, 2)}» https://api.example",
    "line of .netrc": lambda r: f"machine db.example login ann password «{of(r, WORD, 10)}»",
    "line of .pgpass": lambda r: f"db.example:5432:app:ann:«{of(r, WORD, 12)}»",
    "German password": lambda r: f"Passwort: «{of(r, WORD, 10)}»",
    "French password": lambda r: f"mot de passe : «{of(r, WORD, 10)}»",
    "Spanish password": lambda r: f"contraseña=«{of(r, WORD, 10)}»",
    "Swedish password": lambda r: f"lösenord är «{of(r, LOWER, 6)}{of(r, DIGITS, 2)}»",
    "session cookie": lambda r: f"Cookie: theme=dark; PHPSESSID=«{of(r, LOWER + DIGITS, 26)}»",
    "cookie that is set": lambda r: f"Set-Cookie: sid=«{of(r, WORD, 16)}»; Path=/; HttpOnly",
    "shared access signature": lambda r: f"https://acme.blob.example/c/f?sv=2022-11-02&sp=r&sig=«{quote(b64(r, 32), safe='')}»",
    "signed address": lambda r: f"https://acme.s3.example/f?X-Amz-Expires=60&X-Amz-Signature=«{of(r, '0123456789abcdef', 64)}»",
    "code in an address": lambda r: f"https://acme.example/callback?state=x&code=«{of(r, LOWER, 6)}{of(r, DIGITS, 4)}»",
    "connection string": lambda r: f"AccountName=acme;AccountKey=«{b64(r, 64)}»",
    "seed of one-time codes": lambda r: f"otpauth://totp/Acme:ann?secret=«{of(r, UPPER + '234567', 16)}»&issuer=Acme",
    "one-time code": lambda r: f"your login code is «{of(r, DIGITS, 6)}»",
    "PIN": lambda r: f"PIN: «{of(r, DIGITS, 4)}»",
    "bcrypt hash": lambda r: f"$2b$12$«{of(r, WORD + './', 53)}»",
    "SHA-512 crypt hash": lambda r: f"$6$«{of(r, WORD + './', 12)}${of(r, WORD + './', 86)}»",
    "Argon2 hash": lambda r: f"$argon2id$v=19$m=65536,t=3,p=4$«{b64(r, 16).rstrip('=')}${b64(r, 32).rstrip('=')}»",
    "PlanetScale password": lambda r: f"pscale_pw_«{of(r, WORD + '-_', 43)}»",
    "random hexadecimal": lambda r: of(r, "0123456789abcdef", 40),
    "random base64": lambda r: b64(r, 32),
    "random letters and digits": lambda r: of(r, WORD, 32),
    "random small letters and digits": lambda r: of(r, LOWER + DIGITS, 32),
    "random base32": lambda r: of(r, UPPER + "234567", 32),
    "Visa": lambda r: card(r, "4", 16),
    "Visa with blanks": lambda r: spaced(card(r, "4", 16)),
    "Mastercard with dashes": lambda r: spaced(card(r, "55", 16), "-"),
    "American Express": lambda r: card(r, "37", 15),
    "Discover": lambda r: card(r, "6011", 16),
    "German IBAN": german_iban,
    "German IBAN with blanks": lambda r: spaced(german_iban(r)),
    "British IBAN": british_iban,
    "US social security number": lambda r: f"{r.randrange(100, 600)}-{r.randrange(10, 99)}-{r.randrange(1000, 9999)}",
}

_WORDS: Final = [
    "the",
    "cost",
    "of",
    "last",
    "month",
    "was",
    "higher",
    "than",
    "we",
    "thought",
    "because",
    "agents",
    "called",
    "large",
    "models",
    "for",
    "short",
    "questions",
    "and",
    "nobody",
    "cached",
    "what",
    "they",
    "answered",
    "so",
    "please",
    "compare",
    "both",
    "and",
    "tell",
    "us",
    "which",
    "one",
    "we",
    "should",
    "use",
    "for",
    "summaries",
    "of",
    "invoices",
    "password",
    "token",
    "secret",
    "key",
]


def prose(rng: Random, words: int = 18) -> str:
    return " ".join(rng.choices(_WORDS, k=words))


BENIGN: Final[dict[str, Make]] = {
    "prose": prose,
    "long prose": lambda r: prose(r, 200),
    "model names": lambda r: r.choice(["gpt-4o-mini-2024-07-18", "claude-3-5-sonnet-20241022", "text-embedding-3-large", "llama-3.1-70b"]),
    "UUID": lambda r: f"{of(r, 'abcdef0123456789', 8)}-1f2e-4a3b-9c4d-{of(r, 'abcdef0123456789', 12)}",
    "run id": lambda r: of(r, "abcdef0123456789", 12) + "4a3b9c4d" + of(r, "abcdef0123456789", 12),
    "date and time": lambda r: f"2026-{r.randrange(10, 12)}-{r.randrange(10, 28)}T14:21:{r.randrange(10, 59)}.{of(r, DIGITS, 6)}+00:00",
    "milliseconds": lambda r: str(1_700_000_000_000 + r.randrange(10**11)),
    "nanoseconds": lambda r: str(1_700_000_000_000_000_000 + r.randrange(10**15)),
    "amounts": lambda r: f"{r.randrange(10**9)} micro-USD, {r.random():.12f}",
    "number without check digit": lambda r: unchecked("4" + of(r, DIGITS, 14)),
    "account without check digits": lambda r: "DE99" + of(r, DIGITS, 18),
    "path": lambda r: f"/srv/app/netra_backend/app/agents/supervisor/{r.choice(_WORDS)}_{r.choice(_WORDS)}.py:{r.randrange(999)}",
    "address of a page": lambda r: f"https://docs.example.com/guides/{r.choice(_WORDS)}-{r.choice(_WORDS)}?page={r.randrange(99)}",
    "class name": lambda r: "".join(word.title() for word in r.choices(_WORDS, k=5)) + "Factory",
    "variable name": lambda r: "_".join(r.choices(_WORDS, k=6)),
    "module": lambda r: "netra_backend.app." + ".".join(r.choices(_WORDS, k=5)),
    "version": lambda r: f"{r.randrange(9)}.{r.randrange(99)}.{r.randrange(99)}-rc.{r.randrange(9)}+build.{r.randrange(9999)}",
    "e-mail address": lambda r: f"{r.choice(_WORDS)}.{r.choice(_WORDS)}@example.com",
    "telephone number": lambda r: f"+49 30 {of(r, DIGITS, 8)}",
    "JSON of an event": lambda r: json.dumps({"type": "agent_completed", "agent_name": "data", "cost": r.random(), "note": prose(r, 5)}),
    "table row": lambda r: f"| {r.choice(_WORDS)} | {r.randrange(10**6)} | {r.random():.3f} | 2026-12-0{r.randrange(1, 9)} |",
    "query": lambda r: f"SELECT {r.choice(_WORDS)}, SUM(cost_micro_usd) FROM usage WHERE tenant_id = 'acme' GROUP BY {r.choice(_WORDS)}",  # noqa: S608 - asks nobody
    "talk of tokens": lambda r: (
        f"max_tokens={r.randrange(999)}, total_tokens: {r.randrange(999)}; the token is expired and the password is wrong"
    ),
    "German": lambda r: "Donaudampfschifffahrtsgesellschaftskapitän und Rindfleischetikettierungsüberwachungsaufgabe " * r.randrange(1, 3),
    "talk of codes": lambda r: (
        f"the exit code is {r.randrange(1000, 9999)}, status code: {r.randrange(100, 599)}, pin {r.randrange(40)} of the board"
    ),
    "talk of passwords": lambda r: "the password policy asks for words; passwords expire, a passphrase helps, and pass: true",
    "place in a file": lambda r: f"src/{r.choice(_WORDS)}.py:{r.randrange(1000, 9999)}:{r.randrange(80)}: error: {r.choice(_WORDS)}",
    "filter in an address": lambda r: f"https://shop.example/list?key={r.choice(_WORDS)}&code=de&auth=none&sid={r.randrange(999)}",
    "price": lambda r: f"${r.randrange(9)}.{of(r, DIGITS, 2)} and US${r.randrange(999)}",
    "call of a shell": lambda r: f"git push -u origin {r.choice(_WORDS)}; docker run -u 1000:1000 image; curl -u node:node",
    "shape of a redacted text": lambda r: f"str[{r.randrange(99)}]#{of(r, 'abcdef0123456789', 12)}",
}


def planted(rng: Random, kind: str) -> tuple[str, str]:
    """A text of that kind among words, and the secret in it."""
    made = SECRETS[kind](rng)
    secret = made[made.index("«") + 1 : made.index("»")] if "«" in made else made
    return f"{prose(rng, 6)} {made.replace('«', '').replace('»', '')} {prose(rng, 6)}", secret
