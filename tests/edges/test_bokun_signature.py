"""The signature of a REST call."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from bokun_samples import sample

from worker.bokun.signature import sign

VECTOR = sample("signature-test-vector")["rest"]
AT = datetime(2013, 11, 9, 14, 33, 46, tzinfo=UTC)


def signed(*, at, method="POST"):
    keys = {"access_key": VECTOR["accessKey"], "secret_key": VECTOR["secretKey"]}
    return sign(**keys, method=method, path=VECTOR["pathWithQuery"], at=at)


def test_vector():
    """Bokun's published example gives Bokun's published headers."""
    assert signed(at=AT) == {
        "X-Bokun-Date": VECTOR["date"],
        "X-Bokun-AccessKey": VECTOR["accessKey"],
        "X-Bokun-Signature": VECTOR["expected"],
    }


def test_zone_and_case_do_not_matter():
    """The date is UTC and the method in capitals, wherever and however the caller says them."""
    east = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert signed(at=east, method="post") == signed(at=AT)


def test_naive_time():
    """A time without a zone is refused, since the machine's zone would be guessed."""
    with pytest.raises(ValueError, match="aware"):
        signed(at=datetime(2013, 11, 9, 14, 33, 46))  # noqa: DTZ001
