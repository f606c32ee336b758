"""Which repairs stand, each with a next step for the user; raised and cleared by comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.core import callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .const import DOMAIN, NO_TIME
from .feed_status import FeedState
from .shared.glucose.alarms.kinds import AlarmKind
from .shared.glucose.alarms.rules import Part

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .feed_status import AgentStatus
    from .feeds import AnyFeed
    from .wearer import CgmConfigEntry, Wearer

# States of a source that only the user can end. "Try again" in the repair asks the source anew.
_OF_SOURCE = {
    FeedState.TERMS_NOT_ACCEPTED: "terms_not_accepted",
    FeedState.SHARING_DISABLED: "sharing_disabled",
    FeedState.NO_READINGS: "no_readings",
    FeedState.LOCKED: "account_locked",
    FeedState.VERSION_REFUSED: "version_refused",
}

_URGENT_LOW_OFF = {Part.DAY: "urgent_low_off_by_day", Part.NIGHT: "urgent_low_off_by_night"}

# Whom the repairs concern that are about the machine: raised once, however many wearers.
_HOME = "home"


@dataclass(frozen=True, slots=True)
class Issue:
    """One repair as the user sees it; `source` is set where asking again can end it."""

    key: str
    placeholders: tuple[tuple[str, str], ...] = ()
    severity: ir.IssueSeverity = ir.IssueSeverity.WARNING
    source: str | None = None


@callback
def async_update_issues(wearer: Wearer) -> None:
    """Make the repairs of a wearer match how things stand."""
    registry = ir.async_get(wearer.hass)
    wanted = {f"{issue.key}_{owner}": issue for owner, issue in _issues(wearer)}
    for gone in wearer.issues.keys() - wanted.keys():
        _delete(wearer, gone)
    for issue_id, issue in wanted.items():
        # One that the user closed by "try again" comes back while its cause stands.
        stands = registry.async_get_issue(DOMAIN, issue_id) is not None
        if not stands or wearer.issues.get(issue_id) != issue:
            _create(wearer.hass, issue_id, issue, wearer.id)
    wearer.issues = wanted


@callback
def async_withdraw_issues(wearer: Wearer) -> None:
    """Clear every repair of a wearer that is unloaded."""
    for issue_id in wearer.issues:
        _delete(wearer, issue_id)
    wearer.issues = {}


@callback
def async_show_history_too_new(hass: HomeAssistant, *, too_new: bool) -> None:
    """Say that the history was written by a newer release, or take that back."""
    if too_new:
        _create(hass, "history_too_new", Issue("history_too_new", (), ir.IssueSeverity.ERROR), None)
    else:
        ir.async_delete_issue(hass, DOMAIN, "history_too_new")


def _issues(wearer: Wearer) -> list[tuple[str, Issue]]:
    """Return what is wrong now, each with the id of whom it concerns."""
    found = [
        (feed.id, issue)
        for feed in wearer.feeds.values()
        if (issue := _issue_of_source(wearer, feed)) is not None
    ]
    agents = [feed.status.agent for feed in wearer.feeds.values()]
    found += [
        (agent.node, issue) for agent in agents if agent is not None for issue in _of_agent(agent)
    ]
    if wearer.clock.correction:
        minutes = round(wearer.clock.correction.total_seconds() / 60)
        found.append((_HOME, Issue("clock_off", (("minutes", f"{-minutes:+d}"),))))
    if (apart := wearer.present.disagreement) is not None:
        names = (("wearer", wearer.entry.title), *_named(wearer, apart.sources))
        found.append((wearer.id, Issue("sources_disagree", names)))
    found += [(wearer.id, issue) for issue in _issues_of_alarms(wearer)]
    if wearer.writing.error is not None:
        reason = (("reason", str(wearer.writing.error)),)
        found.append((_HOME, Issue("history_unavailable", reason, ir.IssueSeverity.ERROR)))
    if wearer.history.set_aside is not None:
        file = (("file", wearer.history.set_aside.name),)
        found.append((_HOME, Issue("history_set_aside", file, ir.IssueSeverity.ERROR)))
    return found


def _issues_of_alarms(wearer: Wearer) -> list[Issue]:
    """Return what would keep a low from reaching anybody."""
    name, rules = (("wearer", wearer.entry.title),), wearer.alarms.rules
    found = [
        Issue(key, name)
        for part, key in _URGENT_LOW_OFF.items()
        if not (rules.night if part is Part.NIGHT else rules.day)[AlarmKind.URGENT_LOW].on
    ]
    if not wearer.alarms.settings_usable:
        found.append(Issue("alarm_settings_unusable", name, ir.IssueSeverity.ERROR))
    if wearer.alarms.audience.missing():
        found.append(Issue("nobody_listens", name))
    if wearer.heartbeat.overdue:
        found.append(Issue("heartbeat_fails", name))
    return found


def _issue_of_source(wearer: Wearer, feed: AnyFeed) -> Issue | None:
    key = _OF_SOURCE.get(feed.status.state)
    if key is None:
        return None
    until = feed.status.until
    shown = NO_TIME if until is None else dt_util.as_local(until).strftime("%H:%M")
    placeholders = (
        ("wearer", wearer.entry.title),
        ("source", feed.title),
        *((("until", shown),) if feed.status.state is FeedState.LOCKED else ()),
    )
    return Issue(key, placeholders, source=feed.id)


def _of_agent(agent: AgentStatus) -> list[Issue]:
    """Return what is wrong with an agent, said once however many wearers it carries."""
    found = []
    if agent.missing_since is not None:
        since = dt_util.as_local(agent.missing_since).strftime("%Y-%m-%d %H:%M")
        found.append(Issue("agent_offline", (("node", agent.node), ("since", since))))
    if agent.shares_its_name:
        found.append(Issue("agents_share_name", (("node", agent.node),)))
    if agent.denied:
        topics = (("node", agent.node), ("topics", ", ".join(agent.denied)))
        found.append(Issue("agent_denied", topics))
    return found


def _named(wearer: Wearer, sources: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    titles = [
        feed.title if (feed := wearer.feeds.get(source)) is not None else source
        for source in sources
    ]
    return ("first", titles[0]), ("second", titles[1])


def _delete(wearer: Wearer, issue_id: str) -> None:
    """Clear a repair, unless another wearer has the same one about the home."""
    entries: list[CgmConfigEntry] = wearer.hass.config_entries.async_loaded_entries(DOMAIN)
    others = (entry.runtime_data for entry in entries if entry is not wearer.entry)
    if not any(issue_id in other.issues for other in others):
        ir.async_delete_issue(wearer.hass, DOMAIN, issue_id)


def _create(hass: HomeAssistant, issue_id: str, issue: Issue, wearer: str | None) -> None:
    fixable = issue.source is not None
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=fixable,
        data={"entry_id": wearer, "source": issue.source} if fixable else None,
        severity=issue.severity,
        translation_key=issue.key,
        translation_placeholders=dict(issue.placeholders),
    )
