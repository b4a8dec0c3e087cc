"""The OpenSSF package `model_signing` and Muniment on the same folder: same files, same digests, each other's signatures."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import hashing, signing, verifying
from model_signing._signing.signing import Payload

from muniment.capture import files
from muniment.core.format import dsse, oms
from muniment.errors import VerificationError

FLAT = {"config.json": b"{}", "model.safetensors": b"\0" * 3_000_000, "tokenizer.json": b"[]", ".hidden": b""}
# `vision.json` sorts before `vision/…` by code points and after it by component.
NESTED = FLAT | {"vision/weights.bin": b"1", "vision.json": b"2", "vision/.gitignore": b"*", "größe.txt": b"3"}


def write(folder: Path, contents: dict[str, bytes]) -> Path:
    for path, data in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    private = ec.generate_private_key(ec.SECP256R1())
    secret, public = folder / "key", folder / "key.pub"
    secret.write_bytes(
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return secret, public


@pytest.fixture(params=["flat", "nested"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(tmp_path / "credit-risk", FLAT if request.param == "flat" else NESTED)


def statement_of(model: Path) -> oms.Statement:
    found = files.read(model)
    return oms.build(found.manifest, name=found.name)


def payload_of(signature: Path) -> bytes:
    return base64.b64decode(json.loads(signature.read_text())["dsseEnvelope"]["payload"])


def verify(model: Path, signature: Path, public: Path) -> None:
    verifying.Config().use_elliptic_key_verifier(public_key=public).verify(model, signature)


def test_the_package_lists_the_same_files_with_the_same_digests(model: Path) -> None:
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("not part of the model")
    ours = statement_of(model)
    theirs = [(one.identifier, one.digest.digest_hex) for one in hashing.hash(model).resource_descriptors()]
    assert sorted(theirs) == [(one.name, one.digest) for one in ours.resources]
    assert theirs == [(one.name, one.digest) for one in oms.sort_by_component(ours.resources)]


def test_the_subject_digest_is_the_packages(model: Path) -> None:
    ours = statement_of(model)
    theirs = Payload(hashing.hash(model)).statement.pb.subject[0]
    assert theirs.name == ours.name
    assert theirs.digest["sha256"] == oms.subject_digest(oms.sort_by_component(ours.resources)).hex()
    # Where no folder stands beside a file of the same beginning, the two orders are one.
    same_order = not (model / "vision").exists()
    assert (theirs.digest["sha256"] == oms.subject_digest(ours.resources).hex()) == same_order


def test_the_package_and_we_agree_on_a_single_file(tmp_path: Path) -> None:
    model = write(tmp_path, {"model.onnx": b"weights"}) / "model.onnx"
    ours, theirs = statement_of(model), Payload(hashing.hash(model)).statement.pb.subject[0]
    assert theirs.digest["sha256"] == oms.subject_digest(ours.resources).hex()
    assert ours.resources[0].name == "model.onnx"


def test_we_read_what_the_package_signs(model: Path, keys: tuple[Path, Path]) -> None:
    secret, public = keys
    signature = model / "model.sig"
    before = files.read(model)
    signing.Config().use_elliptic_key_signer(private_key=secret).set_hashing_config(
        hashing.Config().set_ignored_paths(paths=["model.sig"])
    ).sign(model, signature)
    verify(model, signature, public)
    statement = oms.decode(payload_of(signature))
    found = files.read(model)
    assert found.manifest == before.manifest
    assert found.ignored == ("model.sig",)
    assert set(statement.ignored) == set(oms.IGNORED)
    oms.check(statement, found.manifest)
    (model / "config.json").write_bytes(b"[]")
    with pytest.raises(VerificationError, match=r"config\.json changed \(1 of [48] files\); weights identical"):
        oms.check(statement, files.read(model).manifest)


def test_the_package_verifies_what_we_write(model: Path, keys: tuple[Path, Path]) -> None:
    secret, public = keys
    payload = oms.encode(statement_of(model))
    private = serialization.load_pem_private_key(secret.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    signature = model / "model.sig"
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": hashlib.sha256(public.read_bytes()).hexdigest()}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": base64.b64encode(private.sign(dsse.pae(payload), ec.ECDSA(hashes.SHA256()))).decode()}],
        },
    }
    signature.write_text(json.dumps(bundle))
    verify(model, signature, public)
    (model / "model.safetensors").write_bytes(b"\1" * 3_000_000)
    with pytest.raises(ValueError, match=r"Hash mismatch for 'model\.safetensors'"):
        verify(model, signature, public)


def test_the_command_line_of_the_package(model: Path, keys: tuple[Path, Path]) -> None:
    secret, public = keys
    signature = model / "model.sig"
    start = [sys.executable, "-m", "model_signing"]
    names = ["--signature", str(signature)]
    subprocess.run([*start, "sign", "key", str(model), *names, "--private_key", str(secret)], check=True, capture_output=True)
    oms.check(oms.decode(payload_of(signature)), files.read(model).manifest)
    subprocess.run([*start, "verify", "key", str(model), *names, "--public_key", str(public)], check=True, capture_output=True)
