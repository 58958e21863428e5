"""Forms that identify a secret by themselves, in addition to the library's rules. No rule needs quadratic time."""

import re
from typing import Final

#: Words for a password, in the most common languages; as names in code they are not used.
_IN_OTHER_LANGUAGES: Final = (
    r"passwort|kennwort|l[öo]senord|contrase(?:ñ|n)a|clave secreta|mot de passe|senha|wachtwoord|adgangskode|salasana|has(?:ł|l)o|parola"
    r"|(?:ş|s)ifre|пароль|密码|パスワード|비밀번호"
)
_WORDS: Final = rf"(?:pass(?:word|wd|phrase|code)|pwd|{_IN_OTHER_LANGUAGES})"
_NAMED: Final = (
    rf"(?:{_WORDS}|secret|token|(?:api|access|secret|private|account|shared)[_ -]?key|credentials?|client[_ -]?secret"
    r"|connection[_ -]?string)"
)
_SIGNED: Final = (
    r"(?:sig|signature|x-(?:amz|goog)-(?:signature|security-token)|access_token|auth|code|key|session(?:_?id)?|sid|otp|invite|reset|magic)"
)

#: Names of fields whose values are always secrets.
FIELD: Final = re.compile(
    rf"{_WORDS}|secret|token|api_?key|access_?key|authorization|cookie|credential|private_?key|bearer|signature|session_?id"
    r"|connection_?string|mnemonic|seed_?phrase|(?<![a-z])(?:pass|pin|cvv|cvc|otp|totp|jwt|auth|dsn)(?![a-z])",
    re.IGNORECASE,
)

FORMS: Final = (
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}",  # model providers' and payment keys
    r"(?<![\w-])eyJ[\w=-]{6,}\.[\w=-]{6,}(?:\.[\w.+/=-]*)?",  # RFC 7519; the library's own rule needs quadratic time
    r"\bgh[pousr]_[A-Za-z0-9]{16,}",  # an older form of GitHub's tokens, shorter than today's
    r"\bgl[a-z]{2,5}-[A-Za-z0-9_-]{20,}",  # GitLab
    r"\bhf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"\bAIza[A-Za-z0-9_-]{35}",  # Google
    r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b",  # Telegram
    r"\bpscale_[a-z]{2,6}_[\w-]{20,}",  # PlanetScale
    r"\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}",  # RFC 6750, RFC 7617
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)",
    # Stored forms of passwords, which can be guessed offline. https://passlib.readthedocs.io/en/stable/modular_crypt_format.html
    r"\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2(?:id|i|d)|scrypt|pbkdf2[\w-]{0,12})\$[^\s\"';]{8,}",
    rf"(?i){_NAMED}[\w-]{{0,40}}[\\\"']{{0,4}}\s{{0,3}}(?::=|=>|->|=|:)\s{{0,3}}[\\\"']{{0,4}}[^\s\"',;]{{4,}}",
    rf"(?i)<[\w:-]{{0,40}}{_WORDS}[^<>]{{0,80}}>\s{{0,3}}[^<>]{{4,200}}<",  # XML
    r"(?i)[\"'](?:pass|pw)\\?[\"']\s{0,3}:\s{0,3}\\?[\"'][^\s\"'\\]{4,}",
    # In prose; "the password is wrong" is not a secret.
    rf"(?i)\b{_NAMED}\s{{1,3}}(?:is|was|are|ist|est|es|är)\s{{1,3}}[\"']?(?=[^\s\"',;]*[\d!@#$%^&*_+])[^\s\"',;]{{4,}}",
    # On a command line and in .netrc there is no sign between name and value.
    rf"(?i){_WORDS}\s{{1,3}}[\"']?(?=[^\s\"',;]*\d)(?=[^\s\"',;]*[a-z])[^\s\"',;]{{6,}}",
    rf"(?i)\blogin\s{{1,3}}\S{{1,64}}\s{{1,3}}{_WORDS}\s{{1,3}}\S{{4,}}",
    rf"(?i){_WORDS}\s{{1,3}}(?:\"[^\s\"]{{6,}}\"|'[^\s']{{6,}}')",
    r"(?:(?<=\s)|^)(?:-u|--user)(?:\s{1,3}|=)[\"']?[^\s:\"']{1,64}:(?=[^\s\"']*\d)(?=[^\s\"']*[A-Za-z])[^\s\"']{4,}",  # curl
    r"(?<![\w.*-])[A-Za-z*][\w.*-]{0,80}:(?:\d{4,5}|\*):[A-Za-z_*][\w-]{0,60}:[A-Za-z_*][\w-]{0,60}:[^\s\"',;]{4,}",  # .pgpass
    r"://[^\s/:@]*:[^\s/@]+@",  # RFC 3986: a user's password in an address
    rf"(?i)[?&;]{_SIGNED}=(?=[^\s&#\"']{{0,400}}\d)[^\s&#\"']{{8,}}",  # signed addresses, and codes in them
    r"(?i)\b(?:set-)?cookie\s{0,3}:\s{0,3}[^\s;,=]{1,80}=[^\s;]{4,}(?:;\s{0,3}[^\s;,=]{1,80}=[^\s;]{4,})*",  # RFC 6265
    r"(?i)(?<![\w-])(?:pin|cvv2?|cvc2?|otp|tan)(?:[ -](?:code|number))?\s{0,3}(?:is|was|[:=#])\s{0,3}\d{3,8}\b",
    r"(?i)\b(?:your|verification|security|login|log-in|access|one-time|confirmation|authentication)\s(?:\w{1,20}\s){0,2}?code\s{0,3}(?:is|:)\s{0,3}\d{4,8}\b",
)
