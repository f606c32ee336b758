"""Home Assistant's own backup holds the history whole, also while readings are written."""

# ruff: noqa: ASYNC240 - a test may wait for a small file

import asyncio
import tarfile
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
from homeassistant.components.backup import DOMAIN as BACKUP, BackupManager
from homeassistant.components.backup.const import DATA_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.history import FILE_NAME
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.store import Store

from .conftest import AddWearer
from .histories import FIVE, NOON, everything, keep_everything, readings

AGENT = "backup.local"


@pytest.fixture
async def manager(hass: HomeAssistant, alex: MockConfigEntry) -> BackupManager:
    """Return Home Assistant's own maker of backups."""
    assert await async_setup_component(hass, BACKUP, {})
    await hass.async_block_till_done()
    found = hass.data[DATA_MANAGER]
    assert "cgm" in found.platforms
    return found


def batch(number: int) -> list[Reading]:
    """Return one write: ten readings that belong together."""
    begins = NOON - timedelta(days=3650) + number * 10 * FIVE
    return [
        Reading(time=begins + place * FIVE, mg_dl=100, source="a", series="s")
        for place in range(10)
    ]


@pytest.fixture
async def writing(hass: HomeAssistant, alex: MockConfigEntry) -> AsyncIterator[list[int]]:
    """Write one batch after the other, on and on; collects how many are kept."""
    wearer = alex.runtime_data
    kept: list[int] = []

    async def write() -> None:
        for number in count():
            rows = batch(number)
            await wearer.history.async_do(lambda store, rows=rows: store.add(wearer.id, rows))
            kept.append(number)
            await asyncio.sleep(0)

    task = hass.async_create_background_task(write(), "writing")
    while len(kept) < 20:  # noqa: ASYNC110 - the clock stands still: there is nothing to wait for
        await asyncio.sleep(0)
    yield kept
    task.cancel()


async def backed_up(manager: BackupManager, into: Path) -> Path:
    """Make a backup and unpack it as a restore does; returns the configuration folder in it."""
    await manager.async_create_backup(
        agent_ids=[AGENT],
        extra_metadata={},
        include_addons=None,
        include_all_addons=False,
        include_database=False,
        include_folders=None,
        include_homeassistant=True,
        name="a",
        password=None,
    )
    backups, errors = await manager.async_get_backups()
    assert errors == {}
    (backup,) = backups.values()
    agent = manager.local_backup_agents[AGENT]
    path = agent.get_backup_path(backup.backup_id)

    def unpack() -> Path:
        with tarfile.open(path) as outer:
            (name,) = (name for name in outer.getnames() if name.endswith("homeassistant.tar.gz"))
            inner = outer.extractfile(name)
            assert inner is not None
            with tarfile.open(fileobj=inner, mode="r:gz") as files:
                files.extractall(into, filter="data")
        return into / "data"

    return await manager.hass.async_add_executor_job(unpack)


def digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def found_in(file: Path, wearer: str) -> list[Reading]:
    store = Store(file, clock=dt_util.utcnow)
    opened = store.open()
    assert opened.set_aside is None
    assert not opened.begun_anew
    try:
        return store.readings(wearer)
    finally:
        store.close()


async def test_a_backup_made_while_readings_are_written_holds_whole_writes(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    manager: BackupManager,
    writing: list[int],
    tmp_path: Path,
) -> None:
    before = len(writing)
    folder = await backed_up(manager, tmp_path)
    after = len(writing)
    # Nobody waited for the backup, and all of it is kept.
    assert after > before
    assert not alex.runtime_data.history.still
    restored = found_in(folder / FILE_NAME, alex.entry_id)
    whole, rest = divmod(len(restored), 10)
    assert rest == 0
    assert before <= whole
    assert restored == [one for number in range(whole) for one in batch(number)]


async def test_a_restored_home_starts_with_its_history(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    manager: BackupManager,
    add_wearer: AddWearer,
    tmp_path: Path,
) -> None:
    await keep_everything(hass, alex)
    before = await everything(hass, alex)
    folder = await backed_up(manager, tmp_path)
    # The home goes on, is lost, and is put back.
    later = [Reading(time=NOON, mg_dl=200, source="later", series="s")]
    await alex.runtime_data.history.async_do(lambda store: store.add(alex.entry_id, later))
    assert await hass.config_entries.async_unload(alex.entry_id)
    for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        Path(hass.config.path(name)).unlink(missing_ok=True)
        if (folder / name).exists():
            (folder / name).rename(hass.config.path(name))
    assert await hass.config_entries.async_setup(alex.entry_id)
    assert await everything(hass, alex) == before
    assert before[0] == readings()
    assert alex.runtime_data.history.set_aside is None
    assert Path(hass.config.path(FILE_NAME)).stat().st_mode & 0o777 == 0o600


async def test_the_file_stands_still_between_before_and_after(
    hass: HomeAssistant, alex: MockConfigEntry, manager: BackupManager
) -> None:
    await keep_everything(hass, alex)
    wearer = alex.runtime_data
    file = Path(hass.config.path(FILE_NAME))
    await manager.async_pre_backup_actions()
    held = digest(file)
    # More than SQLite keeps in a log before it writes it back by itself.
    for number in range(1200):
        rows = batch(number)
        await wearer.history.async_do(lambda store, rows=rows: store.add(wearer.id, rows))
    assert digest(file) == held
    with pytest.raises(HomeAssistantError) as caught:
        await hass.services.async_call(
            "cgm", "erase_history", {"confirm": "Alex"}, blocking=True, return_response=True
        )
    assert caught.value.translation_key == "backup_under_way"
    await manager.async_post_backup_actions()
    await wearer.history.async_do(lambda store: store.checkpoint())
    assert digest(file) != held
    assert len((await everything(hass, alex))[0]) == 12_000 + 291


async def test_a_history_that_is_closed_while_it_stands_still_is_written_back(
    hass: HomeAssistant, alex: MockConfigEntry, manager: BackupManager
) -> None:
    await manager.async_pre_backup_actions()
    await keep_everything(hass, alex)
    assert await hass.config_entries.async_unload(alex.entry_id)
    # The file alone holds all: nobody has it open any more.
    assert not Path(hass.config.path(f"{FILE_NAME}-wal")).exists()
    await manager.async_post_backup_actions()
    assert await hass.config_entries.async_setup(alex.entry_id)
    assert (await everything(hass, alex))[0] == readings()


async def test_a_history_that_cannot_stand_still_does_not_stop_the_homes_backup(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    manager: BackupManager,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise StoreUnavailable("made up")

    store = alex.runtime_data.history._store  # noqa: SLF001 - as a file that others read would
    with monkeypatch.context() as patched:
        patched.setattr(store, "hold_still", fail)
        patched.setattr(store, "let_move", fail)
        await manager.async_pre_backup_actions()
        await manager.async_post_backup_actions()
    assert "The history in this backup may not be whole" in caplog.text
