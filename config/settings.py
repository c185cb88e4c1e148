"""Settings: the only reader of the environment. Nothing is read before `read()` is called."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

Words = Annotated[tuple[str, ...], NoDecode]
Seconds = Annotated[float, Field(gt=0, le=7 * 86400)]


class WrongSettings(Exception):
    """One line a setting that is wrong or missing, each naming its variable."""


class _ByFile(PydanticBaseSettingsSource):
    """`NAME_FILE` names the file that holds the value of `NAME`, as containers and systemd hand out secrets."""

    def __init__(self, settings: type[BaseSettings], *said: PydanticBaseSettingsSource) -> None:
        super().__init__(settings)
        self._said: dict[str, Any] = {}
        for source in said:
            self._said |= getattr(source, "env_vars", {})

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - its signature
        """The content without the newline that editors put at its end; None where no file is named."""
        path = self._said.get(f"{field_name}_file")
        if not path:
            return None, field_name, False
        name = field_name.upper()
        if self._said.get(field_name):
            raise WrongSettings(f"{name}: set it or {name}_FILE, not both")
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as failed:
            raise WrongSettings(f"{name}_FILE: cannot be read ({type(failed).__name__})") from None

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """What may differ between places (the contract's table of settings)."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True,
                                      use_attribute_docstrings=True)  # fmt: skip

    database_url: str = "sqlite:///var/bokun-sync.db"
    """SQLAlchemy URL of the store: a SQLite file on one machine, PostgreSQL (`postgresql://…`) in production."""
    redis_url: str = ""
    """Celery broker, `redis://` or `rediss://`. Empty: the embedded broker of `demo` and `up`."""
    space_invoices_url: str = "https://api.spaceinvoices.com/v1"
    """Base address of Space Invoices with its version; a stand-in can be put in its place."""
    space_invoices_token: SecretStr = SecretStr("")
    """Token for the organizations below; it is sent bare in `Authorization`."""
    space_invoices_organizations: Words = ()
    """Ids of the organizations to work for, comma separated."""
    bokun_url: str = "https://api.bokun.io"
    """Base address of Bokun; a stand-in can be put in its place."""
    bokun_access_key: SecretStr = SecretStr("")
    """Bokun access key of the connections that have no key pair of their own."""
    bokun_secret_key: SecretStr = SecretStr("")
    """Its secret key; it signs the calls and is never sent."""
    bokun_app_secret: SecretStr = SecretStr("")
    """Verifies the signature of app-store webhooks; empty: they are refused. Several, comma separated, allow rotation."""
    webhook_token: SecretStr = SecretStr("")
    """Secret path part for classic notifications (`/webhooks/bokun/TOKEN`); empty: they are refused."""
    secret_key: SecretStr = SecretStr("")
    """Encrypts the Bokun keys in the database: url-safe base64 of 32 bytes; several, comma separated, the first for writing."""
    start_from: datetime | None = None
    """Bookings made before this date are skipped (`2026-12-01`, UTC); set it before the first start."""
    bank_payment_types: Words = ("BANK_TRANSFER", "INVOICED")
    """Bokun's payment types that count as bank payment, comma separated."""
    on_change: Literal["ask", "tell"] = "ask"
    """When a booking changes after its invoice: `ask` a person or `tell` Space Invoices."""
    on_cancel: Literal["ask", "tell"] = "ask"
    """When a booking is cancelled after a document: `ask` a person or `tell` Space Invoices."""
    poll_every: Seconds = 300
    """Seconds between polls of Bokun."""
    deliver_every: Seconds = 10
    """Seconds between looks for notices to plan and deliveries to send."""
    reconcile_every: Seconds = 30
    """Seconds between looks for what was sent and is not proven."""
    refresh_every: Seconds = 300
    """Seconds between mirrorings of the connections' flags."""
    poll_overlap: Annotated[float, Field(ge=0)] = 1800
    """Seconds that each poll reaches back behind the watermark."""
    call_timeout: Seconds = 30
    """Total seconds for one remote call, whatever the remote drips."""
    send_guard: Seconds = 10
    """A claim older than this many seconds (monotonic clock) is not sent any more."""
    lease: Seconds = 120
    """Seconds a claim holds; must exceed `SEND_GUARD` + `CALL_TIMEOUT`."""
    absence_looks: Annotated[int, Field(ge=1, le=100)] = 3
    """Empty looks that prove, spread over `ABSENCE_AFTER`, that an order never arrived."""
    absence_after: Seconds = 900
    """Seconds after the call before absence is proven; must exceed `LEASE` + `CALL_TIMEOUT` and the time the remote may still take."""
    bokun_calls_per_minute: Annotated[int, Field(ge=1)] = 400
    """Limit per Bokun account, kept by all workers together."""
    space_invoices_calls_per_second: Annotated[int, Field(ge=1)] = 100
    """Limit per token, kept by all workers together."""
    max_attempts: Annotated[int, Field(ge=1, le=1000)] = 12
    """Attempts of one delivery before it is held."""
    brake_per_hour: Annotated[int, Field(ge=1)] | None = None
    """Documents an hour of one connection; past it deliveries are held until released."""
    brake_amount: Annotated[Decimal, Field(gt=0)] | None = None
    """Largest amount of one document, in its own currency; past it the delivery is held."""
    brake_age_days: Annotated[int, Field(ge=1)] | None = None
    """Oldest booking in days; past it the delivery is held."""
    prices_sync_every: Annotated[float, Field(gt=0, le=30 * 86400)] | None = None
    """Seconds between syncs of Bokun's price lists into Space Invoices; off unless set."""
    prices_currencies: Words = ("EUR",)
    """Currencies that prices are synced in, comma separated."""
    log_format: Literal["json", "console"] = "json"
    """`json` for machines, `console` for people."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """`debug`, `info`, `warning` or `error`."""
    host: str = "127.0.0.1"
    """Address that `web` listens on; beyond loopback the page needs `PAGE_PASSWORD`."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port that `web` listens on."""
    flower_address: str = "127.0.0.1"
    """Address that Flower listens on; beyond loopback it needs `FLOWER_BASIC_AUTH`."""
    flower_port: Annotated[int, Field(ge=0, le=65535)] = 5555
    """Port that Flower listens on."""
    flower_basic_auth: SecretStr = SecretStr("")
    """`user:password` of Flower's login; empty: one is made, in `var/flower-login`."""
    worker_name: Annotated[str, Field(pattern=r"^[\w.-]*$")] = ""
    """Name of a worker in Flower, before the @ and its host; empty: `worker-` and its process id, so that no two are one."""
    in_flight: Annotated[int, Field(ge=1, le=256)] = 32
    """Calls that one process may have under way at once."""
    page_password: SecretStr = SecretStr("")
    """Password of the operator's page."""
    metrics_token: SecretStr = SecretStr("")
    """Bearer token for `/metrics`."""
    trusted_proxies: Words = ("127.0.0.1", "::1")
    """Addresses of reverse proxies whose forwarded headers are believed, comma separated."""
    rescan_every: Seconds = 86400
    """Seconds between polls that look a whole day back, whatever was seen of it before."""
    keep_content_days: Annotated[int, Field(ge=1)] | None = None
    """Days after which raw bookings and what ended deliveries carried of the recipient are dropped; off keeps them."""

    audit_every: Annotated[float, Field(ge=0, le=31 * 86400)] = 86400
    """Seconds between audits of the three books; 0 is off."""
    audit_days: Annotated[int, Field(ge=1, le=3660)] = 400
    """The daily audit compares the bookings made in so many days: tours are booked long before they are invoiced."""
    digest_every: Annotated[float, Field(ge=0, le=31 * 86400)] = 86400
    """Seconds between digests of what needs a person; 0 is off."""
    alert_url: SecretStr = SecretStr("")
    """Where alerts and the digest are posted as JSON (`text` and `alerts`); empty: they are in the log only."""
    alert_email: str = ""
    """Whom alerts and the digest are mailed to, comma separated; needs `SMTP_URL`."""
    smtp_url: SecretStr = SecretStr("")
    """The mail server, `smtps://user:password@host` or `smtp://…:587` (STARTTLS; without it no password is sent to another machine)."""
    traces_url: str = ""
    """Where OpenTelemetry traces go, OTLP over HTTP (`http://collector:4318/v1/traces`); needs the extra `otel`; empty: none."""

    web_url: str = ""
    """Address under which Bokun reaches `web` (`https://sync.example.com`); `doctor` asks there whether it answers."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, the files that the environment or `.env` name, the environment, `.env`."""
        by_file = _ByFile(settings_cls, dotenv_settings, env_settings)
        return init_settings, by_file, env_settings, dotenv_settings

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
        try:
            make_url(value)
        except (ArgumentError, ValueError):
            raise ValueError("is not an address of a database; write special characters of a password as %XX") from None
        return value

    @field_validator("space_invoices_url", "bokun_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// for a stand-in)")
        return _with_host(value).rstrip("/")

    @field_validator("web_url")
    @classmethod
    def _own_address(cls, value: str) -> str:
        return cls._web_address(value) if value else value

    @field_validator("alert_url")
    @classmethod
    def _hook_address(cls, value: SecretStr) -> SecretStr:
        _begins(value.get_secret_value(), "https://", "http://")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_address(cls, value: SecretStr) -> SecretStr:
        _begins(value.get_secret_value(), "smtp://", "smtps://")
        return value

    @field_validator("traces_url")
    @classmethod
    def _traces_can_be_sent(cls, value: str) -> str:
        _begins(value, "https://", "http://")
        if value and not _is_installed("opentelemetry.exporter.otlp.proto.http"):
            raise ValueError("needs the extra: pip install 'bokun-sync[otel]'")
        return value

    @field_validator("redis_url")
    @classmethod
    def _broker_address(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis:// or rediss://, or be empty for the embedded broker")
        return _with_host(value) if value.startswith("redis") else value

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

    @model_validator(mode="after")
    def _mail_needs_both(self) -> Settings:
        if bool(self.alert_email) != bool(self.smtp_url.get_secret_value()):
            raise ValueError("ALERT_EMAIL and SMTP_URL belong together: set both or none")
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


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine only."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it
        return False


def _begins(value: str, *schemes: str) -> None:
    """An address that is set begins with one of these; the message never repeats it: it may hold a password."""
    if value and not value.startswith(schemes):
        raise ValueError(f"must begin with {' or '.join(schemes)}")


def _with_host(address: str) -> str:
    """The address, where it names a host and its port, if it has one, is a port."""
    try:
        parts = urlsplit(address)
        known = parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ValueError("is not an address; write special characters of a password as %XX")
    return address


def _sentence(error: Any) -> str:
    said = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(said)
    return f"{str(error['loc'][0]).upper()}: {said}"
