"""The newest version, without alembic."""

from pathlib import Path

from alembic.script import ScriptDirectory

from worker.store import migrate


def test_the_newest_version_is_the_one_that_alembic_finds():
    """What every command compares the database with is what `migrate` brings it to."""
    folder = Path(migrate.__file__).parent / "migrations"
    assert migrate.head() == ScriptDirectory(str(folder)).get_current_head()


def test_a_version_after_another_is_the_newest(tmp_path, monkeypatch):
    """Of a chain of versions the last one counts, whatever the files are called."""
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "z_first.py").write_text('revision = "0001"\ndown_revision = None\n')
    (versions / "a_second.py").write_text('revision: str = "0002"\ndown_revision: str | None = "0001"\n')
    monkeypatch.setattr(migrate, "_MIGRATIONS", tmp_path)
    assert migrate.head() == "0002"
