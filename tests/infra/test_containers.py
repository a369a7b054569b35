"""The Dockerfile and the compose file, read as a careful reviewer would: no Docker engine is needed."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from gateway.cli.main import app
from gateway.settings import Settings

ROOT = Path(__file__).parents[2]
KNOWN = {
    "FROM",
    "WORKDIR",
    "COPY",
    "RUN",
    "ENV",
    "USER",
    "VOLUME",
    "EXPOSE",
    "HEALTHCHECK",
    "ENTRYPOINT",
    "CMD",
}


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (ROOT / "infra/Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2]) for line in lines]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "infra/compose.yaml").read_text("utf-8")))


def commands() -> set[str]:
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def check_settings(names: dict[str, str]) -> None:
    for name in names:
        assert (
            not name.startswith("TOLLWAY_")
            or name.removeprefix("TOLLWAY_").lower() in Settings.__struct_fields__
        ), name


def test_the_dockerfile_is_sound() -> None:
    found = instructions()
    assert {name for name, _ in found} <= KNOWN
    for image in (rest.split()[0] for name, rest in found if name == "FROM"):
        assert re.fullmatch(r"[\w./-]+:[\w.-]+", image), f"{image} is not pinned to a version"
        assert not image.endswith(":latest")
    for name, rest in found:
        if name == "COPY" and "--from" not in rest:
            assert all((ROOT / source).exists() for source in rest.split()[:-1]), rest
    last_stage = [name for name, _ in found][[name for name, _ in found].index("FROM", 1) :]
    assert last_stage.index("USER") < last_stage.index("ENTRYPOINT"), "the gateway does not run as root"
    assert "HEALTHCHECK" in last_stage
    env = dict(pair.split("=", 1) for name, rest in found if name == "ENV" for pair in rest.split())
    check_settings(env)
    assert {"serve"} == set(re.findall(r'"(\w+)"', dict(found)["CMD"])) <= commands()


def test_every_shipped_file_reaches_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    copied = {
        source.split("/")[0]
        for name, rest in instructions()
        if name == "COPY"
        for source in rest.split()[:-1]
    }
    assert not copied & set(ignored)


def test_the_compose_file_is_sound(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert ":" in service["image"] or "build" in service, f"{name} is not pinned"
        for needed in service.get("depends_on", {}):
            assert needed in services
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"]
        check_settings(service.get("environment", {}))
    for name in ("gateway", "migrate"):
        assert services[name]["command"][0] in commands()
        assert (
            ROOT / "infra" / services[name]["build"]["context"] / services[name]["build"]["dockerfile"]
        ).exists()
    assert all(port.startswith("127.0.0.1:") for port in services["gateway"]["ports"]), (
        "TLS is the operator's front"
    )


def test_secrets_have_no_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "infra/compose.yaml").read_text("utf-8")
    for secret in ("POSTGRES_PASSWORD", "TOLLWAY_KEY_SECRET"):
        assert f"${{{secret}:?" in text
        assert f"${{{secret}:-" not in text


def test_vllm_gets_magistrals_flags(compose: dict[str, Any]) -> None:
    flags = compose["services"]["vllm"]["command"]
    for wanted in ("--tokenizer-mode=mistral", "--config-format=mistral", "--load-format=mistral", "--reasoning-parser=mistral",
                   "--tool-call-parser=mistral", "--enable-auto-tool-choice", "--enable-prompt-tokens-details"):  # fmt: skip
        assert wanted in flags
    assert "--model=mistralai/Magistral-Small-2509" in flags
