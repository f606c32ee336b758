"""The menu of a wearer's options: what can be changed, each in a step of its own."""

from __future__ import annotations

from homeassistant.config_entries import ConfigFlowResult

from .alarms_flow import AlarmOptions
from .heartbeat_flow import HeartbeatOptions
from .history_flow import HistoryOptions
from .on_board_flow import OnBoardOptions
from .pictures_flow import PictureOptions
from .wearer_flow import WearerOptions


class WearerOptionsFlow(
    WearerOptions, AlarmOptions, HeartbeatOptions, PictureOptions, OnBoardOptions, HistoryOptions
):
    """Change what was chosen; nothing reloads, the wearer follows."""

    async def async_step_init(self, _user_input: None = None) -> ConfigFlowResult:
        """Ask what shall be changed."""
        return self.async_show_menu(
            step_id="init",
            menu_options=[
                "wearer",
                "alarms_day",
                "alarms_night",
                "heartbeat",
                "pictures",
                "treatments",
                "import_file",
                "scheduled_export",
            ],
        )
