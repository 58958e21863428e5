#!/usr/bin/env bash
# SQLAlchemy's `rowcount` of `INSERT ... ON CONFLICT DO NOTHING` is 1 or 0 on SQLite, and -1 on PostgreSQL, whether a row was made or not.
# Who is hurt: whoever tells by `rowcount > 0` whether something is new, and tests that on SQLite: on PostgreSQL nothing ever is.
# Ours asks with RETURNING. Needs PostgreSQL's programs from a Debian package.
set -euo pipefail
folder=$(mktemp -d)
programs=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
as() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$*"; else bash -c "$*"; fi; }
trap 'as "$programs/pg_ctl -D $folder/data -m fast stop" >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python" install -q 'sqlalchemy==2.1.9' 'psycopg[binary]==3.3.9'
chmod 755 "$folder"
mkdir "$folder/data" "$folder/socket"
if [ "$(id -u)" = 0 ]; then chown postgres "$folder/data" "$folder/socket"; fi
cd "$folder/socket"
as "$programs/initdb -D $folder/data -A trust -U tester" >/dev/null
as "$programs/pg_ctl -D $folder/data -o '-c listen_addresses= -k $folder/socket' -l $folder/socket/log -w start" >/dev/null
"$folder/env/bin/python" - "postgresql+psycopg://tester@/postgres?host=$folder/socket" <<'PY'
import sys

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

print("sqlalchemy", sa.__version__)
metadata = sa.MetaData()
table = sa.Table("seen", metadata, sa.Column("name", sa.String(10), primary_key=True))
seen = {}
for url, insert in (("sqlite://", sqlite.insert), (sys.argv[1], postgresql.insert)):
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        new = insert(table).on_conflict_do_nothing()
        seen[engine.dialect.name] = [connection.execute(new, {"name": "x"}).rowcount for _ in range(2)]
    engine.dispose()
print(f"expected: 1 for the new row and 0 for the known one, on both. seen: {seen}")
sys.exit(0 if seen == {"sqlite": [1, 0], "postgresql": [-1, -1]} else 1)
PY
