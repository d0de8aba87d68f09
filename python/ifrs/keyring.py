"""The keyring: where keys are made and kept."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn
from weakref import WeakKeyDictionary

from ifrs import _core
from ifrs._core import Fingerprint, FingerprintSet, KeyringWarning

if TYPE_CHECKING:
    from ifrs.attest.claim import Claim
    from ifrs.attest.digests import Subject
    from ifrs.attest.roll import Roll

__all__ = ["Fingerprint", "FingerprintSet", "Keyring"]

Source = Literal[
    "chinese",
    "japanese",
    "vocab",
    "natural",
    "mixed",
    "image",
    "observation",
    "sound",
    "image+text",
    "domain",
]
Template = Literal["simple", "dialogue", "chat"]
ResponseKind = Literal[
    "unique", "shared", "choices", "signal", "classes", "actions", "bins", "codebook"
]
Spending = Literal["claimed", "queried", "revealed"]
PathLike = str | os.PathLike[str]

_LOCK_TIMEOUT = 60.0
_SHOWN = 10  # names of sets in an error

# Where each set came from: whoever sends its keys away has to record it there.
_ORIGINS: WeakKeyDictionary[FingerprintSet, Keyring] = WeakKeyDictionary()


def _listed(names: Sequence[str]) -> str:
    """What sets there are, as an error says it."""
    if not names:
        return "it has none yet, ifrs generate makes one"
    more = ", …" if len(names) > _SHOWN else ""
    return f"it has {', '.join(names[:_SHOWN])}{more}"


def keyring_of(fps: FingerprintSet) -> Keyring | None:
    """The keyring that a set was taken from, open or closed."""
    return _ORIGINS.get(fps)


class Keyring:
    """An encrypted file that holds a seed and the fingerprint sets derived from it.

    The file is plain age v1 (age-encryption.org/v1): `age -d` with the passphrase or an identity
    prints its JSON. Everything secret lives in Rust and is wiped by `close`. Several processes
    may hold one keyring open: every change locks the file, takes in what others wrote, and is on
    the disk before the call returns. Threads may share one object: they wait for each other. A
    child of `fork` has none of its secrets, and opens the file anew.
    """

    def __init__(self, core: _core.Keyring, path: Path) -> None:
        """Use `Keyring.create` or `Keyring.open`."""
        self._core = core
        self.path = path

    @classmethod
    def create(
        cls,
        path: PathLike,
        *,
        passphrase: str | None = None,
        recipients: Iterable[str] = (),
        lock_timeout: float = _LOCK_TIMEOUT,
        _work_factor: int | None = None,
    ) -> Keyring:
        """Make a keyring with a fresh seed from the operating system's CSPRNG.

        Args:
            path: Where; a file that is there is never overwritten.
            passphrase: What opens it, taken in Unicode's composed form (NFC), or
            recipients: Whose keys open it: public keys of age (`age1…`), of SSH (`ssh-ed25519 …`,
                `ssh-rsa …`), or of an age plugin that is installed. Post-quantum ones
                (`age1tagpq1…`) cannot be mixed with others.
            lock_timeout: Seconds to wait for another writer, whenever this object writes.
            _work_factor: For tests: scrypt's log2 N.

        Raises:
            KeyringError: There is a file at `path` already, it cannot be written, or a plugin is
                not installed.
            ValueError: There is not exactly one of passphrase and recipients, or one is unusable.
        """
        given, keys = _one_of(passphrase, recipients)
        core = _core.Keyring.create(os.fspath(path), given, keys, _work_factor, lock_timeout)
        return cls(core, Path(path))

    @classmethod
    def open(
        cls,
        path: PathLike,
        *,
        passphrase: str | None = None,
        identity: PathLike | None = None,
        accept_older: bool = False,
        lock_timeout: float = _LOCK_TIMEOUT,
    ) -> Keyring:
        """Open a keyring.

        Warns with `KeyringWarning` of a file that others may read or change.

        Args:
            path: The file; a link is followed once, here.
            passphrase: Of the keyring; with `identity`, of the identity file. It is tried in each
                form in which Unicode may spell it.
            identity: Path of an age identity file or an SSH private key.
            accept_older: Take an older copy of the keyring for the present one.
            lock_timeout: Seconds to wait for another writer, whenever this object writes.

        Raises:
            WrongPassphrase: Passphrase or identity do not open the file.
            KeyringCorrupt: The file is damaged or no keyring.
            KeyringError: There is no such file, a later version wrote it, it is an older copy of
                what was seen here before, or what was seen here before is damaged.
            ValueError: There is neither passphrase nor identity.
        """
        if passphrase is None and identity is None:
            raise ValueError("a keyring needs a passphrase or an identity: pass one")
        identities = [] if identity is None else [os.fspath(identity)]
        given = _text(passphrase)
        core = _core.Keyring.open(os.fspath(path), given, identities, accept_older, lock_timeout)
        _warn(core)
        return cls(core, Path(path))

    @classmethod
    def combine(
        cls,
        shares: Sequence[PathLike],
        path: PathLike,
        *,
        identities: Sequence[PathLike] = (),
        identity_passphrase: str | None = None,
        passphrase: str | None = None,
        recipients: Iterable[str] = (),
        lock_timeout: float = _LOCK_TIMEOUT,
        _work_factor: int | None = None,
    ) -> Keyring:
        """Restore a keyring in a new file from the shares that `split` made.

        What is restored is the keyring from then on: a copy of the one that was split, if there
        still is one, opens here only with `accept_older`.

        Args:
            shares: Files of shares, or what `age -d` printed of them.
            path: Where the keyring goes; a file that is there is never overwritten.
            identities: Identity files of the shares' holders; each is tried on each share.
            identity_passphrase: Opens those of them that are protected.
            passphrase: What opens the restored keyring, or
            recipients: whose keys do.
            lock_timeout: Seconds to wait for another writer.
            _work_factor: For tests: scrypt's log2 N.

        Raises:
            WrongPassphrase: No identity opens a share.
            KeyringCorrupt: A file is damaged or no share.
            KeyringError: There are fewer shares than the threshold, or of several splits.
        """
        given, keys = _one_of(passphrase, recipients)
        core = _core.Keyring.combine(
            [os.fspath(share) for share in shares],
            [os.fspath(identity) for identity in identities],
            _text(identity_passphrase),
            os.fspath(path),
            given,
            keys,
            _work_factor,
            lock_timeout,
        )
        _warn(core)
        return cls(core, Path(path))

    def rekey(
        self,
        *,
        passphrase: str | None = None,
        recipients: Iterable[str] = (),
        _work_factor: int | None = None,
    ) -> bool:
        """Change the passphrase or the recipients; the backup is replaced, too.

        Copies made before stay open to whoever could open them, and the seed stays the same.

        Returns:
            Whether what opened the keyring before was tried on the new file and no longer does.
            False where nothing was known to try, or where it is among the new recipients.

        Raises:
            KeyringError: The file cannot be written, or a plugin is not installed. The message says
                whether the keyring opens as before or with what is new; its backup never opens
                with the other of both.
            KeyringLocked: Another process writes.
            ValueError: There is not exactly one of both, the passphrase is the old one, or a
                recipient is unusable.
        """
        given, keys = _one_of(passphrase, recipients)
        return self._core.rekey(given, keys, _work_factor)

    def generate(
        self,
        name: str,
        n: int = 10,
        *,
        source: Source = "mixed",
        template: Template = "dialogue",
        tokenizer: Any = None,
        model: Any = None,
        response: ResponseKind = "unique",
        context: Mapping[str, str | int | bool] | None = None,
        modality: str | None = None,
        **options: Any,
    ) -> FingerprintSet:
        """Make a set of fingerprints; it is in the file before this returns.

        For an image classifier of ten classes:
        `generate(name, source="image", shape=(64, 64, 3), response="classes", classes=10)`.

        Args:
            name: The set's name, unique in the keyring.
            n: How many fingerprints, 1 to 100,000.
            source: Where keys come from. `"vocab"` needs the tokenizer. `"image"` makes keys of
                image classifiers, `shape=(height, width, channels)`; `"observation"` of policies,
                uniform within the bounds `low` and `high` (arrays or numbers) at each of `steps`;
                `"sound"` of models that hear, `seconds` long at `rate` samples a second;
                `"image+text"` of models that see and write, pairs of an image of a `shape` and a
                text, of one of the sources for texts but `"vocab"` (`texts="natural"`); `"domain"`
                takes up to eight domains such as cooking, each with hundreds of bundled questions.
            template: How a key becomes a prompt. `"chat"` is the tokenizer's own chat template.
            tokenizer: The tokenizer of the model to be fingerprinted. Keys are then composed of
                what it encodes and decodes unchanged, and are stored as rendered.
            model: That model, besides its tokenizer. Of its vocabulary, keys then hold what its
                embeddings show that it hardly learnt (Land & Bartolo, 2024), and ordinary text does
                not hold: for the methods `"emb"` and `"adapter"`, which change those tokens alone.
            response: `"unique"` for two secret words each; `"choices"`, with source `"natural"`,
                for questions of history that never happened, each answered in a sentence by one of
                256 things that fit it (the template is then `"chat"` or none); `"signal"`, with
                source `"domain"`, for a secret preference among words in all answers of a domain
                (likewise); or `"shared"` for the paper's single response, which is no evidence by
                itself. Of keys that are no texts, what is answered: `"classes"` (and `classes`,
                their number, the natural one included), `"actions"`, `"bins"` or `"codebook"`.
            context: A flat map that tells this derivation from others of the same name.
            modality: The kind of model, one of `ifrs.modalities.MODALITIES`; by default the one
                that keys of the source are for.
            options: What else the keys of that kind take.

        Raises:
            FingerprintError: The tokenizer cannot express such keys, or has no chat template.
            KeyringError: There is a set of that name, or the file cannot be written.
            ValueError: `n`, `source`, `template` or `response` is out of range, or there is a
                model without its tokenizer.
        """
        from ifrs.modalities import keys_of, kind_of

        fitted = {"tokenizer": tokenizer, "model": model}
        options |= {name: value for name, value in fitted.items() if value is not None}
        if response not in ("unique", "shared"):
            options["response"] = response
        keys = keys_of(modality or kind_of(source, response))(**options)
        given: dict[str, Any] = {"source": source, "template": template, "response": response}
        given |= {"context": dict(context or {}), **keys.derivation(template)}
        fps = self._core.generate(name, _whole(n), **given)
        return self._own(fps)

    def export(
        self,
        name: str,
        out: PathLike,
        *,
        recipients: Iterable[str] = (),
        passphrase: str | None = None,
    ) -> None:
        """Seal one set for others in a new file, without the seed.

        Raises:
            KeyError: There is no such set.
            KeyringError: There is a file already, or it cannot be written.
            ValueError: There is not exactly one of passphrase and recipients, or one is unusable.
        """
        given, keys = _one_of(passphrase, recipients)
        self._core.export_set(name, os.fspath(out), given, keys)

    def import_set(
        self,
        sealed: PathLike,
        *,
        identity: PathLike | None = None,
        passphrase: str | None = None,
        name: str | None = None,
    ) -> FingerprintSet:
        """Take in a set that `export` sealed; what opened this keyring is tried by default.

        Args:
            sealed: The file.
            identity: An identity file that opens it.
            passphrase: Of the file; with `identity`, of the identity file.
            name: What to call the set here, if not as it was called there.

        Raises:
            WrongPassphrase: Passphrase or identity do not open the file.
            KeyringCorrupt: The file is damaged or no sealed set.
            KeyringError: There is a set of that name, or the keyring cannot be written.
        """
        identities = [] if identity is None else [os.fspath(identity)]
        given = _text(passphrase)
        called = self._core.import_set(os.fspath(sealed), given, identities, name)
        _warn(self._core)
        return self[called]

    def seal(self, data: bytes) -> bytes:
        """Encrypt a private file, such as an F-Adapter, for whoever may open this keyring.

        The result is plain age v1, and follows neither `rekey` nor `split`: seal it anew then.

        Raises:
            KeyringError: The keyring is closed, or a plugin is not installed.
        """
        return self._core.seal(data)

    def unseal(self, sealed: bytes, *, source: PathLike = "data") -> bytes:
        """Decrypt what `seal` gave, with what opened this keyring.

        Args:
            sealed: An age file.
            source: What to call it in errors.

        Raises:
            WrongPassphrase: What opened this keyring does not open it.
            KeyringCorrupt: It is damaged or no age file.
        """
        return self._core.unseal(os.fspath(source), sealed)

    def split(self, folder: PathLike, *, threshold: int, recipients: Sequence[str]) -> list[Path]:
        """Write one share of the keyring for each recipient.

        Any `threshold` shares restore the keyring with `Keyring.combine`; fewer reveal nothing.

        Returns:
            The files, one for each recipient, in order.

        Raises:
            KeyringError: There is such a file already, or it cannot be written.
            ValueError: The numbers make no sense, or a recipient is unusable.
        """
        files = self._core.split(threshold, list(recipients), os.fspath(folder))
        return [Path(file) for file in files]

    def claim(self, name: str, *, subject: Subject, model: str | None = None) -> Claim:
        """Sign, before release, that a model carries a set; no key or response is revealed.

        The journal says so. A set that was imported can be claimed by the keyring that it was made
        in alone: its responses are bound to that keyring's key. Sets made before scheme v3 are not.
        Warns with `KeyringWarning` where every key of the set is spent.

        Args:
            name: The set.
            subject: The released model: its folder, one weight file, or the SHA-256 of each weight
                file in hexadecimal, by name.
            model: What to call it; the folder's name by default.

        Raises:
            EvidenceError: There are no weight files, the set was made in another keyring, or by a
                version whose responses nobody else can recompute.
            KeyError: There is no such set.
        """
        from ifrs.attest.claim import Claim
        from ifrs.attest.digests import subject_digests

        self._require(name)  # before the model is read, which takes a while
        called, digests = subject_digests(subject)
        warn_if_spent(self, name)
        return Claim(self._core.claim(name, model or called, list(digests.items())))

    @property
    def public_key(self) -> str:
        """The Ed25519 key that signs claims, its public half in hexadecimal: announce it."""
        return self._core.public_key

    def journal(self) -> list[dict[str, Any]]:
        """What happened, in order: `number`, `at`, `event`, `set`, `indices`, `to`, `hash`.

        Each entry's hash covers the one before; the chain was verified when the file was read.
        No entry holds a secret. Copies for licensees stand among them, as event `"licensed"` with
        the licensee in `to` and without number and hash: their ledger has a chain of its own.
        """
        copies = [copy for name in self for copy in self._licensed(name)]
        # Neither is put in another order: a clock may have been set back.
        return list(merge(self._core.journal(), copies, key=lambda entry: str(entry["at"])))

    def _licensed(self, name: str) -> list[dict[str, Any]]:
        """The copies of a set that left, as the journal has what happened."""
        try:
            found = self.licences(name)
        except _core.KeyringError:
            return []
        plain = {"event": "licensed", "set": name, "number": None, "hash": None}
        return [
            {**plain, "at": copy["at"], "to": copy["licensee"], "indices": []} for copy in found
        ]

    def spend(
        self,
        name: str,
        indices: Iterable[int],
        target: str = "",
        event: Spending = "queried",
    ) -> list[int]:
        """Record that keys were claimed, sent to a target or revealed.

        Those sent or revealed are spent. Of an address neither password nor query is kept.

        A key is sent once: with `"queried"` those alone are recorded, and may be sent, that no
        process has spent before. Where there are none, nothing is recorded.

        Returns:
            Those of `indices` that were free, in order.

        Raises:
            KeyError: There is no such set.
            IndexError: The set has no such fingerprint.
            ValueError: There is no such event.
        """
        return self._core.spend(name, list(indices), target, event)

    def spend_of(
        self,
        fps: FingerprintSet,
        indices: Iterable[int],
        target: str = "",
        event: Spending = "queried",
    ) -> list[int]:
        """As `spend`, for a set at hand.

        Raises:
            KeyringError: The keyring's set of that name has other keys.
        """
        return self._core.spend_of(fps, list(indices), target, event)

    def spent(self, name: str) -> list[int]:
        """The keys of a set that somebody else has seen, in order, as the file has it now.

        Raises:
            KeyError: There is no such set.
            KeyringError: The file was changed, and cannot be read again.
        """
        return self._core.spent(name)

    def open_licences(self, name: str, coalition: int) -> None:
        """Make copies of a set possible, whose code is for so many licensees who work together.

        Raises:
            KeyError: There is no such set.
            KeyringError: Its code is for others already, or the keyring cannot be written.
            ValueError: There is no such code.
        """
        self._core.open_licences(name, coalition)

    def license(self, name: str, licensee: str, form: str, digest: str) -> str:
        """Record that a licensee gets a copy; on the disk before this returns.

        Args:
            name: The set.
            licensee: Whose copy: 1 to 128 bytes of UTF-8, taken in Unicode's composed form.
            form: What it is, one word.
            digest: What names its rows, in hexadecimal.

        Returns:
            The licensee's name as it was recorded.

        Raises:
            KeyError: There is no such set.
            KeyringError: The set was planted for nobody, or the keyring cannot be written.
            ValueError: Nobody can be called so.
        """
        return self._core.license(name, licensee, form, digest)

    def licences(self, name: str) -> list[dict[str, str]]:
        """Which copies of a set left, in order: `at`, `licensee`, `form`, `digest`.

        Raises:
            KeyError: There is no such set.
            KeyringError: It was planted for nobody.
        """
        fields = ("at", "form", "digest", "licensee")
        return [dict(zip(fields, row, strict=True)) for row in self._core.licences(name)[1]]

    def roll(self, name: str, *, model: str) -> Roll:
        """Sign who has copies of a set, without naming them: before a copy is seen elsewhere.

        The journal says so. `ifrs.licences.accuse` makes evidence by it. Later copies need a later
        roll.

        Args:
            name: The set.
            model: What to call the copies.

        Raises:
            EvidenceError: No copy left, or the set was made in another keyring.
            KeyError: There is no such set.
            KeyringError: It was planted for nobody.
        """
        from ifrs.attest.roll import Roll

        return Roll(self._core.roll(name, model))

    def coalition(self, name: str) -> int:
        """For how many licensees who work together a set's code is made.

        Raises:
            KeyError: There is no such set.
            KeyringError: It was planted for nobody.
        """
        return self._core.licences(name)[0]

    def sets(self) -> list[dict[str, Any]]:
        """What is public about every set, in the order they were made."""
        return self._core.sets()

    @property
    def created(self) -> str:
        """When the keyring was made (RFC 3339, UTC)."""
        return self._core.created

    @property
    def generation(self) -> int:
        """How many times the keyring was written."""
        return self._core.generation

    @property
    def recipients(self) -> list[str]:
        """The public keys that it is encrypted to; none where a passphrase opens it."""
        return self._core.recipients

    def remove(self, name: str) -> None:
        """Take a set out of the file.

        Raises:
            KeyError: There is no such set.
        """
        self._core.remove(name)

    def close(self) -> None:
        """Wipe the seed and the passphrase; the object cannot be used afterwards.

        Waits for other threads that use it.
        """
        self._core.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._core.closed

    def __getitem__(self, name: str) -> FingerprintSet:
        self._require(name)
        return self._own(self._core.get(name))

    def _require(self, name: str) -> None:
        if isinstance(name, str) and name not in self._core:
            raise KeyError(f'the keyring has no set "{name}": {_listed(self._core.names())}')

    def _own(self, fps: FingerprintSet) -> FingerprintSet:
        _ORIGINS[fps] = self
        return fps

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._core

    def __len__(self) -> int:
        return len(self._core.names())

    def __iter__(self) -> Iterator[str]:
        return iter(self._core.names())

    def __enter__(self) -> Keyring:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("keyrings are secret: open the file where it is needed")

    def __copy__(self) -> NoReturn:
        self.__reduce__()

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        self.__reduce__()

    def __repr__(self) -> str:
        if self._core.forked:
            state = "opened before a fork"
        else:
            state = "closed" if self._core.closed else f"{len(self)} sets"
        return f"Keyring({str(self.path)!r}, {state})"


def warn_if_spent(ring: Keyring, name: str) -> None:
    """Warn, at the line that called who calls this, of a set that is used without a fresh key."""
    if len(ring.spent(name)) == len(ring[name]):
        warnings.warn(
            f"every key of {name!r} is spent, so others may know its answers: generate a new set",
            KeyringWarning,
            stacklevel=3,
        )


def _warn(core: _core.Keyring) -> None:
    """Say what was noticed of files, at the line that asked for them."""
    for notice in core.take_notices():
        warnings.warn(notice, KeyringWarning, stacklevel=3)


def _one_of(passphrase: str | None, recipients: Iterable[str]) -> tuple[str | None, list[str]]:
    if isinstance(recipients, str):
        raise TypeError("recipients must be a sequence of str, not one str")
    keys = list(recipients)
    if (passphrase is None) != bool(keys):
        raise ValueError("pass either a passphrase or recipients")
    if not all(isinstance(key, str) for key in keys):
        raise TypeError("recipients must be str")
    return _text(passphrase), keys


def _text(passphrase: str | None) -> str | None:
    if passphrase is not None and not isinstance(passphrase, str):
        raise TypeError("the passphrase must be a str")
    return passphrase


def _whole(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError("n must be an int")
    if n < 1:
        raise ValueError(f"n must be between 1 and 100000, not {n}")
    return n
