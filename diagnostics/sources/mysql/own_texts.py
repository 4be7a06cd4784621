"""The texts that the console sends to a database beside its questions: each stands here, and no other is sent.

What the server says of itself (`SHOW`, its dictionary) cannot be put together from mapped tables.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import TextClause, bindparam, text

PING: Final = text("SELECT 1")
SCHEMA_EXISTS: Final = text("SELECT 1 FROM information_schema.schemata WHERE schema_name = :name")
COLUMNS_MYSQL: Final = text(
    "SELECT table_name AS t, column_name AS c, column_type AS y FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name IN :names"
).bindparams(bindparam("names", expanding=True))
COLUMNS_SQLITE: Final = text(
    "SELECT m.name AS t, p.name AS c, p.type AS y FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p "
    "WHERE m.name IN :names"
).bindparams(bindparam("names", expanding=True))
INDEXES_MYSQL: Final = text(
    "SELECT index_name AS i, column_name AS c FROM information_schema.statistics "
    "WHERE table_schema = DATABASE() AND table_name = :name ORDER BY index_name, seq_in_index"
)
INDEXES_SQLITE: Final = text(
    "SELECT l.name AS i, p.name AS c FROM pragma_index_list(:name) AS l JOIN pragma_index_info(l.name) AS p "
    "ORDER BY l.name, p.seqno"
)
GRANTS: Final = text("SHOW GRANTS")
SESSION: Final = text(
    "SHOW SESSION VARIABLES WHERE Variable_name IN "
    "('tx_read_only', 'transaction_read_only', 'time_zone', 'sql_mode', 'sql_select_limit')"
)
REPLICA: Final = text("SHOW REPLICA STATUS")
REPLICA_BEFORE: Final = text("SHOW SLAVE STATUS")
"""The word of servers before MySQL 8.0.22 and MariaDB 10.5."""
LOAD: Final = text("SHOW GLOBAL STATUS LIKE 'Threads_running'")

_ALL: Final = frozenset(
    known.text
    for known in (
        PING,
        SCHEMA_EXISTS,
        COLUMNS_MYSQL,
        COLUMNS_SQLITE,
        INDEXES_MYSQL,
        INDEXES_SQLITE,
        GRANTS,
        SESSION,
        REPLICA,
        REPLICA_BEFORE,
        LOAD,
    )
)
_ROLE: Final = re.compile(r"SET ROLE (?:`[^`\\]{1,80}`(?:@`[^`\\]{1,255}`)?|'[^'\\]{1,80}'(?:@'[^'\\]{1,255}')?)")


def is_own(statement: TextClause) -> bool:
    """True for the texts above; their values are bound."""
    return statement.text in _ALL


def play_role(quoted: str) -> TextClause:
    """The text that takes a role, given in quotes, for the session."""
    # A name cannot be bound here; the colon of an address would be taken for a named value.
    return text(f"SET ROLE {quoted}".replace(":", r"\:"))


def is_role(statement: TextClause) -> bool:
    """True for a text of `play_role` that takes one role and does nothing else."""
    return _ROLE.fullmatch(statement.text.replace(r"\:", ":")) is not None
