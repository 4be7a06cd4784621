"""Who confirmed a delivery: proven by a secret that the journal's database does not hold.

Everybody who may write to that database can append an entry with a right hash. What leaves the console is therefore
confirmed by this process itself, or carries an HMAC-SHA256 over everything that the entry says, made with the team's
secret. A journal in a file of its own has a secret of its own beside it, which its owner alone can read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from diagnostics.core.private import new_file, private_folder
from diagnostics.models.entries import Proof
from diagnostics.store.journal_rows import EntryDraft, canonical

if TYPE_CHECKING:
    from diagnostics.config.settings import StateSettings

logger = logging.getLogger(__name__)

SEALED = frozenset({"delivery_confirmed", "delivery_settled"})
"""Kinds of entries that make something leave the console."""

FILE_NAME = "journal-secret"
FEWEST_CHARACTERS = 16
"""Of a secret: a short one can be guessed from a signature that everybody with the database sees."""

_NOBODY_ELSES = "not set: what was confirmed on another console is shown here, and never delivered"
_MOST_BYTES = 65_536
_SIGNATURE = ("signature", "signed_with")


class Seals:
    """Signs and checks. Thread-safe; reading the secret may wait for its command."""

    def __init__(self, settings: StateSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._lock = threading.Lock()
        self._own: set[str] = set()
        self._secret: bytes | None = None

    def examined(self) -> tuple[str, str]:
        """Which secret signs and checks, by its id, and why there is none; one of the two is empty.

        May wait for the secret's command.
        """
        secret = self._read()
        if secret is not None:
            return key_id(secret), ""
        given = self._settings.team_secret
        if given is None:
            return "", _NOBODY_ELSES if self._settings.url is not None else f"{self._folder / FILE_NAME} is not used"
        try:
            text = given.get_secret_value().strip()
        except UserError as error:
            return "", error.problem
        return "", f"it has {len(text)} characters, and {FEWEST_CHARACTERS} are needed: it is not used"

    def remember(self, draft: EntryDraft) -> None:
        """This process saw a person say it."""
        if draft.kind in SEALED:
            with self._lock:
                self._own.add(_mark(draft.key, _content(draft.body)))

    def make_ready(self) -> None:
        """Read the secret, where there is one; called before a transaction begins, which must not wait for it."""
        self._read()

    def sealed(self, draft: EntryDraft) -> EntryDraft:
        """The entry with its signature; as it is where it needs none, or where there is no secret."""
        secret = self._secret
        if draft.kind not in SEALED or secret is None:
            return draft
        said = json.loads(_content(draft.body))
        signed = {"signature": _sign(secret, _basis(draft)), "signed_with": key_id(secret)}
        return EntryDraft(
            draft.stream, draft.kind, draft.key, draft.at_us, draft.actor, draft.console, canonical({**said, **signed})
        )

    def doubt(self, proofs: tuple[Proof, ...]) -> tuple[str, str]:
        """Why what these entries make leave the console is not proven, and the remedy; empty where all of it is."""
        if not proofs:
            return _UNSIGNED
        for proof in proofs:
            with self._lock:
                own = proof.mark in self._own
            if not own and any(found := self._doubt(proof)):
                return found
        return "", ""

    def _doubt(self, proof: Proof) -> tuple[str, str]:
        if not proof.signature:
            return _UNSIGNED
        secret = self._read()
        if secret is None:
            return _NO_SECRET
        if proof.signed_with != key_id(secret):
            return (
                f"it is signed with another secret ({proof.signed_with[:16]}) than this console's ({key_id(secret)})",
                "give every console the same state.team_secret, or send it from the one that confirmed it",
            )
        if not hmac.compare_digest(proof.signature.encode(), _sign(secret, proof.basis).encode()):
            return _FORGED
        return "", ""

    def _read(self) -> bytes | None:
        with self._lock:
            if self._secret is None:
                given = self._given()
                self._secret = given if given is not None else self._of_file()
            return self._secret

    def _given(self) -> bytes | None:
        """The team's secret; None where there is none, or where it cannot be read now."""
        setting = self._settings.team_secret
        if setting is None:
            return None
        try:
            text = setting.get_secret_value().strip()
        except UserError as error:
            logger.warning("journal: confirmations are not signed: %s", error.problem)
            return None
        if len(text) < FEWEST_CHARACTERS:
            logger.warning("journal: state.team_secret is shorter than %d characters: not used", FEWEST_CHARACTERS)
            return None
        return text.encode("utf-8", "replace")

    def _of_file(self) -> bytes | None:
        """The secret beside a journal of one's own, made at first use; None for a shared journal."""
        if self._settings.url is not None or self._settings.team_secret is not None:
            return None
        path = self._folder / FILE_NAME
        try:
            private_folder(self._folder)
            try:
                descriptor = new_file(path)
            except FileExistsError:
                return _own_file(path)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                made = secrets.token_hex(32)
                file.write(made)
                file.flush()
                os.fsync(file.fileno())
            return made.encode()
        except OSError as error:
            logger.warning("journal: its secret cannot be kept (%s): confirmations are not signed", error.strerror)
            return None


def proof_of(draft: EntryDraft) -> Proof | None:
    """What can be checked of an entry as it stands in the journal; None for one that makes nothing leave."""
    if draft.kind not in SEALED:
        return None
    try:
        said = json.loads(draft.body)
        signature, signed_with = (str(said.get(name, "")) for name in _SIGNATURE)
        return Proof(
            basis=_basis(draft),
            mark=_mark(draft.key, _content(draft.body)),
            signature=signature,
            signed_with=signed_with,
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Proof(basis="", mark="")


def key_id(secret: bytes) -> str:
    """Which secret it is, without saying it."""
    return hashlib.sha256(b"warroom journal key id\0" + secret).hexdigest()[:12]


def _own_file(path: Path) -> bytes | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            logger.warning("journal: %s may be read by others, and is not used: make it 0600", path)
            return None
        read = file.read(_MOST_BYTES).strip()
    # One that is being written at this moment is read the next time.
    return read if len(read) >= FEWEST_CHARACTERS else None


def _sign(secret: bytes, basis: str) -> str:
    return hmac.new(secret, b"warroom delivery 1\0" + basis.encode(), hashlib.sha256).hexdigest()


def _basis(draft: EntryDraft) -> str:
    """Hash of everything that the entry says, the place in the chain and the signature apart."""
    said = [draft.stream, draft.kind, draft.key, draft.at_us, draft.actor, draft.console, _content(draft.body)]
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def _mark(key: str, content: str) -> str:
    return hashlib.sha256(canonical([key, content]).encode()).hexdigest()


def _content(body: str) -> str:
    """The body without its signature."""
    return canonical({name: value for name, value in json.loads(body).items() if name not in _SIGNATURE})


_UNSIGNED = (
    "nobody can prove who confirmed it: it carries no signature, and this console did not confirm it",
    "write it again and confirm it here; with one state.team_secret, consoles deliver what another confirmed",
)
_NO_SECRET = (
    "another console confirmed it, and this one has no secret to check that with",
    "set state.team_secret (or _file, _command) to the team's, or send it from the console that confirmed it",
)
_FORGED = (
    "its signature does not fit what it says: it was written or changed by somebody without the team's secret",
    "do not send it again; tell the team that the journal was changed, and keep what `warroom journal verify` says",
)
