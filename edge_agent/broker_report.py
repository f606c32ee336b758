"""What a look at the broker found, in lines: login, a line for each rule that is missing, home."""

from __future__ import annotations

from glucose.wire import Topics

from .broker_check import AckReading, BrokerFindings
from .finding import Finding, green, red, yellow
from .settings import Settings


def told_of_broker(found: BrokerFindings, settings: Settings) -> list[Finding]:
    """Say whether the broker lets us in, what its rules keep from us, and what home has said."""
    if found.refusal:
        return [
            red(
                "broker login",
                found.refusal,
                "set broker.username and broker.password_file to a user of the broker",
            )
        ]
    return [
        green("broker login", "accepted"),
        *_told_of_rules(found, settings),
        _told_of_home(found),
    ]


def _told_of_rules(found: BrokerFindings, settings: Settings) -> list[Finding]:
    ack = Topics(settings.node).ack
    # Rules with %u, as in docs/edge-protocol.md, are about the user of the node's name.
    named = "" if settings.broker.username == settings.node else "; or name that user as the node"

    def add(rule: str) -> str:
        return (
            f"in the broker's ACL file, below the line of the agent's user, add `{rule}`, and "
            f"restart the broker{named}"
        )

    findings = [
        red("broker rules", f"{topic} cannot be written: {why}", add(f"topic write {topic}"))
        for topic, why in found.unwritable
    ]
    match found.ack:
        case AckReading.DENIED:
            findings.append(
                red(
                    "broker rules",
                    f"{ack} cannot be read, so no reading would ever count as delivered",
                    add(f"topic read {ack}"),
                )
            )
        case AckReading.UNTRIED | AckReading.UNTRIED_REST_HEARD:
            rest = "other topics of this node can" if found.ack is not AckReading.UNTRIED else ""
            findings.append(
                yellow(
                    "broker rules",
                    f"whether {ack} can be read cannot be known before Home Assistant has written "
                    f"there{'; ' * bool(rest)}{rest}",
                    f"see that the ACL file has `topic read {ack}` for the agent's user, and run "
                    "doctor again once Home Assistant has added the agent",
                )
            )
        case AckReading.HEARD:
            pass
    if not findings:
        return [green("broker rules", "every topic can be written, acknowledgements can be read")]
    return findings


def _told_of_home(found: BrokerFindings) -> Finding:
    if found.ack_refused:
        return red(
            "home assistant",
            f"its acknowledgement is refused: {found.ack_refused}",
            "set the same pairing key here and in Home Assistant, or none on either side",
        )
    if found.acknowledged is None:
        return yellow(
            "home assistant",
            "has acknowledged nothing yet",
            "in Home Assistant, set up MQTT and add the discovered agent",
        )
    return green("home assistant", "has acknowledged readings of this node")
