"""Settings: the only reader of the environment. Nothing is read before `read()` is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Words = Annotated[tuple[str, ...], NoDecode]
Seconds = Annotated[float, Field(gt=0, le=7 * 86400)]


class WrongSettings(Exception):
    """One line a setting that is wrong or missing, each naming its variable."""


class Settings(BaseSettings):
    """What may differ between places (the contract's table of settings)."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: str = "sqlite:///var/bokun-sync.db"
    redis_url: str = ""
    space_invoices_url: str = "https://api.spaceinvoices.com/v1"
    space_invoices_token: SecretStr = SecretStr("")
    space_invoices_organizations: Words = ()
    bokun_url: str = "https://api.bokun.io"
    bokun_access_key: SecretStr = SecretStr("")
    bokun_secret_key: SecretStr = SecretStr("")
    bokun_app_secret: SecretStr = SecretStr("")
    webhook_token: SecretStr = SecretStr("")
    secret_key: SecretStr = SecretStr("")
    start_from: datetime | None = None
    bank_payment_types: Words = ("BANK_TRANSFER", "INVOICED")
    on_change: Literal["ask", "tell"] = "ask"
    on_cancel: Literal["ask", "tell"] = "ask"
    poll_every: Seconds = 300
    deliver_every: Seconds = 10
    reconcile_every: Seconds = 30
    refresh_every: Seconds = 300
    poll_overlap: Annotated[float, Field(ge=0)] = 1800
    call_timeout: Seconds = 30
    send_guard: Seconds = 10
    lease: Seconds = 120
    absence_looks: Annotated[int, Field(ge=1, le=100)] = 3
    absence_after: Seconds = 900
    bokun_calls_per_minute: Annotated[int, Field(ge=1)] = 400
    space_invoices_calls_per_second: Annotated[int, Field(ge=1)] = 100
    max_attempts: Annotated[int, Field(ge=1, le=1000)] = 12
    brake_per_hour: Annotated[int, Field(ge=1)] | None = None
    brake_amount: Annotated[Decimal, Field(gt=0)] | None = None
    brake_age_days: Annotated[int, Field(ge=1)] | None = None
    prices_sync_every: Annotated[float, Field(gt=0, le=30 * 86400)] | None = None
    prices_currencies: Words = ("EUR",)
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    flower_address: str = "127.0.0.1"
    flower_port: Annotated[int, Field(ge=0, le=65535)] = 5555
    flower_basic_auth: SecretStr = SecretStr("")
    in_flight: Annotated[int, Field(ge=1, le=256)] = 32
    page_password: SecretStr = SecretStr("")
    metrics_token: SecretStr = SecretStr("")
    trusted_proxies: Words = ("127.0.0.1", "::1")
    keep_content_days: Annotated[int, Field(ge=1)] | None = None

    @field_validator(
        "space_invoices_organizations", "bank_payment_types", "trusted_proxies", "prices_currencies", mode="before"
    )
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator(
        "start_from",
        "brake_per_hour",
        "brake_amount",
        "brake_age_days",
        "prices_sync_every",
        "keep_content_days",
        mode="before",
    )
    @classmethod
    def _empty_is_off(cls, value: Any) -> Any:
        return None if value in ("", "off") else value

    @field_validator("start_from")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value

    @field_validator("prices_currencies")
    @classmethod
    def _currency_codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        codes = tuple(dict.fromkeys(each.upper() for each in value))
        if not codes or any(len(each) != 3 or not each.isalpha() or not each.isascii() for each in codes):
            raise ValueError("must be one or more currency codes such as EUR, comma separated")
        return codes

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        """Heroku's `postgres://` and a bare `postgresql://` both mean psycopg 3."""
        for old in ("postgres://", "postgresql://"):
            value = value.replace(old, "postgresql+psycopg://", 1) if value.startswith(old) else value
        if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value

    @field_validator("space_invoices_url", "bokun_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// for a stand-in)")
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _broker_address(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis:// or rediss://, or be empty for the embedded broker")
        return value

    @field_validator("secret_key")
    @classmethod
    def _fernet_keys(cls, value: SecretStr) -> SecretStr:
        for key in filter(None, value.get_secret_value().split(",")):
            try:
                Fernet(key.strip())
            except ValueError:
                raise ValueError("must be url-safe base64 of 32 bytes, or several, comma separated") from None
        return value

    @model_validator(mode="after")
    def _times_fit(self) -> Settings:
        """A lease outlives the longest call, and absence is proven only after every lease (reliability.md 1.2)."""
        if self.lease <= self.send_guard + self.call_timeout:
            raise ValueError("LEASE must exceed SEND_GUARD + CALL_TIMEOUT")
        if self.absence_after <= self.lease + self.call_timeout:
            raise ValueError("ABSENCE_AFTER must exceed LEASE + CALL_TIMEOUT")
        return self

    @property
    def embedded(self) -> bool:
        """Whether the broker is the embedded one of the one-machine mode."""
        return not self.redis_url

    @property
    def overlap(self) -> timedelta:
        return timedelta(seconds=self.poll_overlap)


def read(**overrides: Any) -> Settings:
    """The settings of this process; WrongSettings names every variable that is wrong."""
    try:
        return Settings(**overrides)
    except ValidationError as wrong:
        raise WrongSettings("\n".join(_sentence(each) for each in wrong.errors())) from None


def require(settings: Settings, *names: str) -> None:
    """WrongSettings for the first of these settings that is empty."""
    for name in names:
        value = getattr(settings, name)
        empty = not value.get_secret_value() if isinstance(value, SecretStr) else not value
        if empty:
            raise WrongSettings(f"{name.upper()} is not set; see README.md, Settings, or .env.example")


def database_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for a database that is none."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _sentence(error: Any) -> str:
    said = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(said)
    return f"{str(error['loc'][0]).upper()}: {said}"
