"""What a person may still use, by the administrator's quotas."""

from __future__ import annotations

from ..errors import AccessEnded
from .classrooms import Classrooms
from .people import Person, user_scope, who_has
from .settings import Budget, Quota, Settings
from .store import Store, Usage


class Quotas:
    """The quotas of :class:`Settings` over what :class:`Store` has counted."""

    def __init__(self, settings: Settings, store: Store, classrooms: Classrooms) -> None:
        self._settings, self._store, self._classrooms = settings, store, classrooms

    def check(self, person: Person, handle: str) -> None:
        """Raises AccessEnded where a quota of theirs is used up, or what their class may use of an organism."""
        found = self._classrooms.of(person, handle)
        if found is not None:
            name, rules = found
            spent = _spent(self._store.usage_of(user_scope(person.name), handle), rules.budget)
            if spent is not None:
                raise AccessEnded(f"You have had {spent} of {handle}, all that the class {name} gives.")
        for scope, quota in self._settings.quotas(person):
            spent = _spent(self._store.usage(scope, hours=quota.hours), quota)
            if spent is not None:
                raise AccessEnded(
                    f"Within {quota.hours:g} hours {who_has(scope)} had {spent} of this Hub's organisms, all that the"
                    " administrator allows: wait until some of that is longer ago."
                )

    def busy_left_s(self, person: Person, handle: str) -> float | None:
        """Seconds that an organism's model may still work for them; None: any number."""
        left = [
            60 * quota.busy_minutes - self._store.usage(scope, hours=quota.hours).busy_s
            for scope, quota in self._settings.quotas(person)
            if quota.busy_minutes is not None
        ]
        found = self._classrooms.of(person, handle)
        if found is not None and found[1].budget.busy_minutes is not None:
            had = self._store.usage_of(user_scope(person.name), handle).busy_s
            left.append(60 * found[1].budget.busy_minutes - had)
        return max(0.0, min(left)) if left else None


def _spent(usage: Usage, quota: Quota | Budget) -> str | None:
    """What is used up of a quota, in words; None: nothing."""
    if quota.calls is not None and usage.calls >= quota.calls:
        return f"{quota.calls:,} calls"
    if quota.samples is not None and usage.samples >= quota.samples:
        return f"{quota.samples:,} samples"
    if quota.tokens is not None and usage.tokens >= quota.tokens:
        return f"{quota.tokens:,} tokens"
    if quota.busy_minutes is not None and usage.busy_s >= 60 * quota.busy_minutes:
        return f"{quota.busy_minutes:g} minutes of work"
    return None
