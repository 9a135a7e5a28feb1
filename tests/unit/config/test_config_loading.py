"""Where the configuration comes from, which source wins, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from postroad.config import OPTIONS, Config, load, unknown_variables
from postroad.domain.errors import ConfigError
from postroad.domain.secret import Secret

HEX = "ab" * 32


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "postroad.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_nothing_given_is_the_default() -> None:
    assert load({}) == Config()


def test_file_environment_and_command_line_win_in_this_order(tmp_path: Path) -> None:
    file = written(tmp_path, '[http]\nport = 1001\nhost = "filehost"\nmax_body_bytes = "2M"\n')
    config = load(
        {"POSTROAD_PORT": "1002", "POSTROAD_HOST": "envhost"},
        overrides={"http.port": 1003},
        file=file,
    )
    assert config.http.port == 1003
    assert config.http.host == "envhost"
    assert config.http.max_body_bytes == 2 * 1024 * 1024


def test_file_named_by_the_environment_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, "[http]\nport = 1001\n")
    assert load({"POSTROAD_CONFIG": str(file)}).http.port == 1001


def test_our_own_variable_wins_over_the_compatible_one() -> None:
    assert load({"POSTROAD_PORT": "1", "EENGINE_PORT": "2", "PORT": "3"}).http.port == 1
    assert load({"EENGINE_PORT": "2", "PORT": "3"}).http.port == 2


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("EENGINE_HOST", "0.0.0.0", "http.host", "0.0.0.0"),
        ("PORT", "8080", "http.port", 8080),
        ("EENGINE_MAX_SIZE", "5M", "http.max_text_chars", 5 * 1024 * 1024),
        ("EENGINE_MAX_BODY_SIZE", "1G", "http.max_body_bytes", 1024**3),
        ("EENGINE_MAX_PAYLOAD_TIMEOUT", "1m", "http.body_timeout_s", 60.0),
        ("EENGINE_TIMEOUT", "10000", "http.request_timeout_s", 10.0),
        ("EENGINE_TIMEOUT", "250ms", "http.request_timeout_s", 0.25),
        ("EENGINE_WEBHOOK_TIMEOUT", "1.5h", "webhooks.timeout_s", 5400.0),
        ("EENGINE_WEBHOOK_EGRESS_POLICY", "OFF", "webhooks.egress_policy", "off"),
        ("EENGINE_API_PROXY", "Y", "http.api_proxy", True),
        ("EENGINE_REQUIRE_API_AUTH", "false", "http.require_auth", False),
        (
            "EENGINE_API_PROXY_ADDRESSES",
            "10.0.0.0/8, ::1",
            "http.proxy_addresses",
            ("10.0.0.0/8", "::1/128"),
        ),
        (
            "EENGINE_CORS_ORIGIN",
            "https://App.example:443/ http://[::1]:8080, capacitor://localhost",
            "http.cors_origins",
            ("https://app.example", "http://[::1]:8080", "capacitor://localhost"),
        ),
        ("POSTROAD_CORS_ORIGIN", "*", "http.cors_origins", ("*",)),
        ("EENGINE_CORS_MAX_AGE", "1h", "http.cors_max_age_s", 3_600.0),
        ("EENGINE_LOG_LEVEL", "trace", "log.level", "debug"),
        ("EENGINE_TLS_MIN_VERSION", "tlsv1.3", "mail.tls_min_version", "TLSv1.3"),
        ("EENGINE_TLS_CIPHERS", "HIGH:!aNULL", "mail.tls_ciphers", "HIGH:!aNULL"),
        ("EENGINE_IMAP_SOCKET_TIMEOUT", "5m", "mail.imap_silence_s", 300.0),
        ("EENGINE_DISABLE_COMPRESSION", "true", "mail.uncompressed", True),
        ("EENGINE_QUEUE_KEEP_FAILED_AGE", "604800", "delivery.failed_age_s", 604_800.0),
        ("EENGINE_QUEUE_KEEP_FAILED_AGE", "36h", "delivery.failed_age_s", 129_600.0),
        ("EENGINE_HTTP_PROXY_ENABLED", "true", "webhooks.proxy_enabled", True),
        (
            "EENGINE_HTTP_PROXY_URL",
            "http://u:p@proxy.example:3128",
            "webhooks.proxy_url",
            Secret("http://u:p@proxy.example:3128"),
        ),
        ("EENGINE_SMTP_TLS_MIN_VERSION", "TLSv1.3", "smtp.tls_min_version", "TLSv1.3"),
        ("EENGINE_SMTP_TLS_CIPHERS", "ECDHE+AESGCM", "smtp.tls_ciphers", "ECDHE+AESGCM"),
        ("EENGINE_SECRET", "s3cret", "store.secret", Secret("s3cret")),
        ("EENGINE_SETTINGS", '{"a": [1]}', "start.settings", {"a": [1]}),
        ("EENGINE_PREPARED_TOKEN", HEX.upper(), "start.prepared_token", Secret(HEX)),
        ("POSTROAD_DATA", "/srv/mail", "store.data", Path("/srv/mail")),
        ("POSTROAD_DATABASE", "postgresql://h/d", "store.database", Secret("postgresql://h/d")),
        ("POSTROAD_STOP_GRACE", "2d", "delivery.grace_s", 172_800.0),
    ],
)
def test_variable_sets_its_option(
    variable: str, value: str, name: str, expected: object, tmp_path: Path
) -> None:
    section, key = name.split(".")
    assert getattr(getattr(load({variable: value}), section), key) == expected
    file = tmp_path / "value"
    file.write_text(value + "\n", encoding="utf-8")
    assert getattr(getattr(load({f"{variable}_FILE": str(file)}), section), key) == expected


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("POSTROAD_PORT", "http", "POSTROAD_PORT: expected a whole number from 0 to 65535"),
        ("POSTROAD_PORT", "65536", "got '65536'"),
        ("EENGINE_TIMEOUT", "soon", "EENGINE_TIMEOUT: expected a duration such as 250ms"),
        ("EENGINE_MAX_SIZE", "-1", "EENGINE_MAX_SIZE: expected a size"),
        ("EENGINE_WEBHOOK_EGRESS_POLICY", "all", "expected one of link-local, private, off"),
        ("EENGINE_API_PROXY_ADDRESSES", "10.0.0.0/8 nohost", "'nohost' is neither"),
        ("EENGINE_CORS_ORIGIN", "https://a.example app.example", "'app.example' is none"),
        ("EENGINE_CORS_ORIGIN", "https://*.example", "'https://*.example' is none"),
        ("EENGINE_CORS_ORIGIN", "https://a.example/path", "expected origins such as"),
        ("EENGINE_HTTP_PROXY_URL", "ftp://u:hunter2@h", "expected a URL such as http://proxy"),
        ("EENGINE_TLS_CIPHERS", "ROT13", "expected ciphers that OpenSSL knows"),
        ("EENGINE_QUEUE_KEEP_FAILED_AGE", "long", "expected a duration"),
        ("POSTROAD_DATABASE", "mysql://x:hunter2@h/d", "begins with postgresql://"),
        ("POSTROAD_SETTINGS", '{"serviceSecret": "hunter2"', "expected a JSON object"),
        ("POSTROAD_SETTINGS", "[]", "expected a JSON object"),
        ("POSTROAD_PREPARED_TOKEN", "hunter2", "64 hexadecimal digits"),
        ("POSTROAD_SECRET_FILE", "/nowhere/at/all", "cannot read /nowhere/at/all"),
    ],
)
def test_wrong_value_is_named_with_what_was_expected(variable: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({variable: value})
    assert variable in str(caught.value)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[http]\nprot = 1\n", "http.prot is not known; did you mean http.port?"),
        ("[nothing]\nat_all = 1\n", "nothing.at_all is not known"),
        ("port = 1\n", "expected it in a table such as [http]"),
        ("[http\n", "expected TOML"),
        ("[http]\nport = true\n", "http.port: expected a whole number"),
    ],
)
def test_wrong_file_is_refused_with_the_place(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"postroad\.toml") as caught:
        load({}, file=written(tmp_path, content))
    assert words in str(caught.value)


PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


def test_certificate_is_a_file_by_its_path_or_a_text_of_its_own(tmp_path: Path) -> None:
    file = written(tmp_path, PEM)
    by_path = load({"POSTROAD_SMTP_TLS_CERTIFICATE": str(file)})
    # A file that is named as one can be followed when it changes.
    by_file = load({"EENGINE_SMTP_TLS_CERT_FILE": str(file)})
    assert by_path.smtp.certificate == by_file.smtp.certificate == file
    by_text = load({"EENGINE_SMTP_TLS_CERT": PEM, "EENGINE_SMTP_TLS_KEY": PEM.replace("\n", "\\n")})
    assert by_text.smtp.certificate == by_text.smtp.key == Secret(PEM + "\n")
    assert "MIIB" not in repr(by_text)


def test_secret_of_the_file_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n", encoding="utf-8")
    file = written(tmp_path, f'[store]\nsecret_file = "{tmp_path / "key"}"\n')
    assert load({}, file=file).store.secret == Secret("s3cret")


def test_variable_given_directly_and_as_a_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="POSTROAD_SECRET and POSTROAD_SECRET_FILE are both set"):
        load({"POSTROAD_SECRET": "a", "POSTROAD_SECRET_FILE": "b"})


def test_empty_variable_counts_as_not_set() -> None:
    assert load({"POSTROAD_SECRET": "", "POSTROAD_PORT": ""}) == Config()


def test_port_that_an_orchestrator_announces_for_its_service_is_passed_over() -> None:
    assert load({"POSTROAD_PORT": "tcp://10.3.4.5:3000"}).http.port == 3000


def test_unknown_variable_is_told_with_the_likely_meaning() -> None:
    told = unknown_variables({"POSTROAD_PROT": "1", "POSTROAD_PORT": "1", "HOME": "/"})
    assert told == ["POSTROAD_PROT is not known; did you mean POSTROAD_PORT?"]


def test_secrets_do_not_show_in_the_printed_configuration() -> None:
    config = load({"POSTROAD_SECRET": "hunter2", "POSTROAD_DATABASE": "postgresql://u:hunter2@h/d"})
    assert "hunter2" not in repr(config)


def test_every_option_has_a_sentence_and_a_variable_of_ours() -> None:
    for option in OPTIONS:
        assert option.sentence.endswith(".")
        assert option.variables[0].startswith("POSTROAD_")
