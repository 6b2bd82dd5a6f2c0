"""Settings: what an installation keeps by itself."""

import secrets
from ipaddress import ip_network

import pytest

from foodtrace.trace import settings
from foodtrace.trace.errors import Invalid
from foodtrace.trace.settings import Settings

from .test_idempotency import at_once


def secret_of(folder, monkeypatch):
    monkeypatch.setenv("FOODTRACE_DATA", str(folder))
    monkeypatch.delenv("FOODTRACE_SECRET_KEY", raising=False)
    return Settings.from_environment().secret_key


def test_a_secret_is_made_once_and_kept_for_its_owner(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    made = secret_of(folder, monkeypatch)
    assert len(made) == 43
    assert secret_of(folder, monkeypatch) == made
    assert [path.name for path in folder.iterdir()] == ["secret.key"]
    assert (folder / "secret.key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_nobody_reads_a_secret_that_is_still_being_written(tmp_path, monkeypatch):
    make = secrets.token_urlsafe

    def made_first(size):
        assert not (tmp_path / "secret.key").exists()
        return make(size)

    monkeypatch.setattr(settings.secrets, "token_urlsafe", made_first)
    assert secret_of(tmp_path, monkeypatch)


def test_processes_that_start_at_once_share_one_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path))
    monkeypatch.delenv("FOODTRACE_SECRET_KEY", raising=False)
    found, errors = at_once(8, lambda _: Settings.from_environment().secret_key)
    assert errors == []
    assert len(set(found)) == 1
    assert len(found[0]) == 43


def test_hosts_and_networks_for_messages_are_listed(monkeypatch, tmp_path):
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path))
    monkeypatch.setenv("FOODTRACE_WEBHOOK_HOSTS", "ERP.partner.example, [2001:db8::7]:8443,,")
    monkeypatch.setenv("FOODTRACE_WEBHOOK_NETWORKS", "10.1.0.0/16")
    found = Settings.from_environment()
    assert found.webhook_hosts == {("erp.partner.example", 443), ("2001:db8::7", 8443)}
    assert found.webhook_networks == (ip_network("10.1.0.0/16"),)
    assert found.webhook_ca_file is None


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        *(
            ("HOSTS", entry)
            for entry in ("https://a.example", "a.example/", "a.example:0", "*", "a b")
        ),
        ("NETWORKS", "10.1.2.3/16"),
        ("NETWORKS", "ten"),
        ("CA_FILE", "/nowhere/ca.pem"),
    ],
)
def test_a_wrong_setting_for_messages_keeps_the_service_from_starting(monkeypatch, name, entry):
    monkeypatch.setenv(f"FOODTRACE_WEBHOOK_{name}", entry)
    with pytest.raises(Invalid, match=f"FOODTRACE_WEBHOOK_{name}"):
        Settings.from_environment()


def test_a_policy_that_is_not_there_keeps_the_service_from_starting(monkeypatch, tmp_path):
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path))
    monkeypatch.setenv("FOODTRACE_LOG_POLICY", str(tmp_path / "policy"))
    with pytest.raises(Invalid, match="FOODTRACE_LOG_POLICY"):
        Settings.from_environment()
    (tmp_path / "policy").write_text("quorum none\n")
    assert Settings.from_environment().log_policy == tmp_path / "policy"


def test_hosts_of_links_are_listed_and_a_wrong_one_keeps_the_service_from_starting(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path))
    monkeypatch.setenv("FOODTRACE_LINK_HOSTS", "Shop.partner.example:443, other.example:8443")
    found = Settings.from_environment()
    assert found.link_hosts == {"shop.partner.example", "other.example:8443"}
    monkeypatch.setenv("FOODTRACE_LINK_HOSTS", "https://shop.partner.example/")
    with pytest.raises(Invalid, match="FOODTRACE_LINK_HOSTS"):
        Settings.from_environment()
