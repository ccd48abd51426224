"""Who may sign in at this portal. A real one has a database instead, and counts wrong passwords."""

from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # the least that OWASP advises


@dataclass(frozen=True, kw_only=True)
class User:
    """One user; *id* is the portal's own, by which Tvåsteg knows them, and never changes."""

    id: str
    username: str
    name: str
    password_hash: str = field(repr=False)


class Users:
    """The users, who all have the same *password*: this is a demonstration."""

    def __init__(self, password: str) -> None:
        self._users = [
            User(id=id_, username=username, name=name, password_hash=_HASHER.hash(password))
            for id_, username, name in (
                ("1001", "anna@firma.se", "Anna Andersson"),
                ("1002", "bo@firma.se", "Bo Bengtsson"),
            )
        ]
        # Compared where there is nobody, so that unknown names take as long as known ones.
        self._nobody = _HASHER.hash("nobody")

    def with_id(self, id_: str) -> User:
        """Return the user with that id."""
        return next(user for user in self._users if user.id == id_)

    def proven(self, username: str, password: str) -> User | None:
        """Return the user whose name and password these are, or None."""
        user = next((user for user in self._users if user.username == username.strip().lower()), None)
        try:
            _HASHER.verify(user.password_hash if user else self._nobody, password)
        except VerifyMismatchError:
            return None
        return user
