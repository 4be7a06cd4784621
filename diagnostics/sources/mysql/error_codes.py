"""Error numbers of MySQL and MariaDB by what they mean to a responder: what is the matter, and whom to ask.

Names and numbers: https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and
https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference; 9001 is ProxySQL's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diagnostics.core.failures import FailureKind

NEVER_WRITES = "the console never writes here: this is a mistake in it"
_DATABASE_TEAM = "tell the database team"
_AGAIN = "it is asked again by itself"


@dataclass(slots=True, frozen=True)
class Meaning:
    """What some errors have in common."""

    kind: FailureKind
    reason: str
    remedy: str
    codes: Mapping[int, str]
    """Numbers to the vendors' names, without "ER_"."""
    names_login: bool = False
    """The remedy goes on with the setting that names the login or the address."""


MEANINGS = (
    # ---- The login.
    Meaning(
        FailureKind.DENIED,
        "the password of this login has expired",
        "have it renewed (ALTER USER), then change it where the console reads it",
        {1820: "MUST_CHANGE_PASSWORD", 1862: "MUST_CHANGE_PASSWORD_LOGIN"},
        names_login=True,
    ),
    Meaning(
        FailureKind.DENIED,
        "this login is blocked after too many wrong passwords",
        "correct the password first, then have the login unblocked (MariaDB FLUSH PRIVILEGES, MySQL ACCOUNT UNLOCK)",
        {4150: "USER_IS_BLOCKED", 3955: "USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK"},
        names_login=True,
    ),
    Meaning(
        FailureKind.DENIED,
        "this login is locked by an administrator",
        "ask the database team why, and for ALTER USER … ACCOUNT UNLOCK or for another login",
        {3118: "ACCOUNT_HAS_BEEN_LOCKED", 4151: "ACCOUNT_HAS_BEEN_LOCKED"},
        names_login=True,
    ),
    Meaning(
        FailureKind.DENIED,
        "the server takes only encrypted connections",
        "set the tls of this place to verify-identity, or to verify-ca:PATH of the server's own authority",
        {3159: "SECURE_TRANSPORT_REQUIRED"},
    ),
    Meaning(
        FailureKind.DENIED,
        "the server checks this login's password in a way that the console's driver does not know",
        "ask for a login with caching_sha2_password, ed25519 or mysql_native_password",
        {1251: "NOT_SUPPORTED_AUTH_MODE", 1275: "SERVER_IS_IN_SECURE_AUTH_MODE"},
        names_login=True,
    ),
    Meaning(
        FailureKind.DENIED,
        "this login may not connect from this machine",
        "ask for a login whose host part covers this machine's address",
        {1130: "HOST_NOT_PRIVILEGED"},
        names_login=True,
    ),
    Meaning(
        FailureKind.DENIED,
        "this login may not use the database (error 1044)",
        "ask for GRANT SELECT on it",
        {1044: "DBACCESS_DENIED_ERROR"},
    ),
    # ---- The server takes nobody, or nobody more.
    Meaning(
        FailureKind.UNREACHABLE,
        "the server blocks this machine after too many broken connections",
        "have it unblocked (FLUSH HOSTS), and look for what breaks connections: a proxy, a health check, the network",
        {1129: "HOST_IS_BLOCKED"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "the server has no connection left",
        f"{_AGAIN}; if it stays, ask the database team who holds them (max_connections, max_user_connections)",
        {1040: "CON_COUNT_ERROR", 1203: "TOO_MANY_USER_CONNECTIONS"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "this login has used up what it may ask for in an hour, or at once",
        "wait, or ask for the login's limits to be raised (MAX_QUERIES_PER_HOUR and others)",
        {1226: "USER_LIMIT_REACHED"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "the server could not look up this machine's name",
        f"{_DATABASE_TEAM}: its name service fails, or skip_name_resolve is missing",
        {1042: "BAD_HOST_ERROR"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "the server is in offline mode, or not available",
        "ask the database team whether it is being maintained, and for another server",
        {3032: "SERVER_OFFLINE_MODE", 3168: "SERVER_ISNT_AVAILABLE"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "the server is shutting down",
        f"{_AGAIN}; if it does not come back, {_DATABASE_TEAM}",
        {1053: "SERVER_SHUTDOWN", 1078: "GOT_SIGNAL", 1079: "SHUTDOWN_COMPLETE"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "this node of the cluster is not ready for questions (not synchronised, or without a majority)",
        "use another node, and tell the database team: wsrep_cluster_status of this one",
        {1047: "UNKNOWN_COM_ERROR"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "the proxy found no server behind it in time",
        "ask the database team about the servers behind the proxy",
        {9001: "ProxySQL: max connect timeout reached while reaching hostgroup"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "the server was promoted, demoted or resynchronised while it answered",
        f"{_AGAIN}; if it stays, ask the database team which member may be read",
        {3100: "RUN_HOOK_ERROR", 3797: "GRP_TRX_CONSISTENCY_BEFORE"},
    ),
    # ---- It answered once, and the connection or the statement ended.
    Meaning(
        FailureKind.CANCELLED,
        "the server ended the statement",
        "ask again; an operator may have killed it",
        {1317: "QUERY_INTERRUPTED", 1028: "FILSORT_ABORT"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "the connection was ended by the server or by an operator",
        f"{_AGAIN}; if it repeats, ask the database team who ends connections",
        {
            1927: "CONNECTION_KILLED",
            4031: "CLIENT_INTERACTION_TIMEOUT",
            1080: "FORCING_CLOSE",
            1152: "ABORTING_CONNECTION",
            1184: "NEW_ABORTING_CONNECTION",
        },
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "the network failed between console and server",
        f"{_AGAIN}; if it repeats, look at the network, and at proxies in between",
        {
            1043: "HANDSHAKE_ERROR",
            1154: "NET_READ_ERROR_FROM_PIPE",
            1156: "NET_PACKETS_OUT_OF_ORDER",
            1157: "NET_UNCOMPRESS_ERROR",
            1158: "NET_READ_ERROR",
            1159: "NET_READ_INTERRUPTED",
            1160: "NET_ERROR_ON_WRITE",
            1161: "NET_WRITE_INTERRUPTED",
        },
    ),
    Meaning(
        FailureKind.TIMED_OUT,
        "it waited too long for a lock that somebody else holds",
        f"{_AGAIN}; if it stays, ask the database team who holds it (an ALTER TABLE, a long transaction)",
        {
            1205: "LOCK_WAIT_TIMEOUT",
            1213: "LOCK_DEADLOCK",
            1206: "LOCK_TABLE_FULL",
            3058: "USER_LOCK_DEADLOCK",
            3572: "LOCK_NOWAIT",
        },
    ),
    Meaning(
        FailureKind.TIMED_OUT,
        "a backup or a global read lock is in the way",
        "ask again when the backup is over; the database team knows when",
        {1223: "CANT_UPDATE_WITH_READLOCK", 4145: "BACKUP_LOCK_IS_ACTIVE", 3950: "BACKUP_LOCK_TIMEOUT"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "a table was altered while it was read",
        f"{_AGAIN}: a migration may be running",
        {1412: "TABLE_DEF_CHANGED", 1615: "NEED_REPREPARE"},
    ),
    # ---- The server lacks something, or something in it is broken.
    Meaning(
        FailureKind.UNREACHABLE,
        "the server's disk, or a file of it, is full",
        f"{_DATABASE_TEAM} at once: nothing can be written there either",
        {
            3: "EE_WRITE",
            1021: "DISK_FULL",
            1026: "ERROR_ON_WRITE",
            1114: "RECORD_FILE_FULL",
            1878: "TEMP_FILE_WRITE_FAILURE",
        },
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "the server has no memory or no thread left for it",
        f"{_AGAIN}; if it stays, {_DATABASE_TEAM}",
        {
            1037: "OUTOFMEMORY",
            1038: "OUT_OF_SORTMEMORY",
            1041: "OUT_OF_RESOURCES",
            1135: "CANT_CREATE_THREAD",
            3015: "ENGINE_OUT_OF_MEMORY",
            3044: "STD_BAD_ALLOC_ERROR",
        },
    ),
    Meaning(
        FailureKind.MALFORMED,
        "a table or a file of the server is damaged, or cannot be opened",
        f"{_DATABASE_TEAM} at once, and read from another server",
        {
            1015: "CANT_LOCK",
            1016: "CANT_OPEN_FILE",
            1017: "FILE_NOT_FOUND",
            1024: "ERROR_ON_READ",
            1030: "GET_ERRNO",
            1033: "NOT_FORM_FILE",
            1034: "NOT_KEYFILE",
            1035: "OLD_KEYFILE",
            1194: "CRASHED_ON_USAGE",
            1195: "CRASHED_ON_REPAIR",
            1712: "INDEX_CORRUPT",
            1812: "TABLESPACE_MISSING",
            1814: "TABLESPACE_DISCARDED",
            1877: "TABLE_CORRUPT",
            1932: "NO_SUCH_TABLE_IN_ENGINE",
        },
    ),
    Meaning(
        FailureKind.MALFORMED,
        "a view names tables or columns that are gone, or its owner lost the right to them",
        "ask whoever made the view; SHOW CREATE VIEW shows what it names",
        {1356: "VIEW_INVALID"},
    ),
    Meaning(
        FailureKind.UNREACHABLE,
        "a table lives on another server that does not answer",
        "ask the database team about the foreign server (FEDERATED, CONNECT, Spider)",
        {
            1429: "CONNECT_TO_FOREIGN_DATA_SOURCE",
            1430: "QUERY_ON_FOREIGN_DATA_SOURCE",
            1431: "FOREIGN_DATA_SOURCE_DOESNT_EXIST",
        },
    ),
    # ---- The server's limits for a statement.
    Meaning(
        FailureKind.REJECTED,
        "the server holds the question for too large (max_join_size)",
        "narrow the question; the limit protects the server, and `warroom doctor` looks for missing indexes",
        {1104: "TOO_BIG_SELECT", 1931: "QUERY_RESULT_INCOMPLETE"},
    ),
    Meaning(
        FailureKind.REJECTED,
        "the question or the answer is larger than the server sends at once (max_allowed_packet)",
        "narrow the question, or ask for a larger max_allowed_packet",
        {1153: "NET_PACKET_TOO_LARGE", 2020: "CR_NET_PACKET_TOO_LARGE"},
    ),
    Meaning(
        FailureKind.REJECTED,
        "the session is read-only and refused a write",
        NEVER_WRITES,
        {1792: "CANT_EXECUTE_IN_READ_ONLY_TRANSACTION", 1836: "READ_ONLY_MODE", 1290: "OPTION_PREVENTS_STATEMENT"},
    ),
    # ---- Names, and statements that this server does not know.
    Meaning(
        FailureKind.NOT_MAPPED,
        "the server has no database of that name",
        "check its name",
        {1049: "BAD_DB_ERROR"},
        names_login=True,
    ),
    Meaning(
        FailureKind.NOT_CONFIGURED,
        "the address names no database",
        "add it behind the last slash",
        {1046: "NO_DB_ERROR"},
        names_login=True,
    ),
    Meaning(
        FailureKind.REJECTED,
        "the server does not understand the statement",
        "tell the console's maintainers the version of this server, which `warroom doctor` names",
        {
            1055: "WRONG_FIELD_WITH_GROUP",
            1064: "PARSE_ERROR",
            1149: "SYNTAX_ERROR",
            1193: "UNKNOWN_SYSTEM_VARIABLE",
            1305: "SP_DOES_NOT_EXIST",
        },
    ),
    Meaning(
        FailureKind.REJECTED,
        "a number of the statement is beyond the range of its type",
        "run `warroom doctor`: it compares the types of columns with what the console expects",
        {1264: "WARN_DATA_OUT_OF_RANGE", 1690: "DATA_OUT_OF_RANGE"},
    ),
)

BY_CODE = {code: meaning for meaning in MEANINGS for code in meaning.codes}


def default_remedy(code: int) -> str:
    """What to do about an error that the table does not hold: it says nothing about whose mistake it is."""
    return f"look up error {code} in the manual of this server's version, and {_DATABASE_TEAM} if it stays"
