"""Gives what a script of Keras's side writes, from its recording in tests/keras/recorded; Keras itself takes half a minute for each.

    recall.py NAME SCRIPT [INPUT] OUT

runs `SCRIPT [INPUT] OUT`, where OUT is a file or folder that is not there yet, or unpacks NAME.tar.xz to OUT. NAME.key says of what the
recording is: of the same script, input and versions of Keras and JAX, or the recording is refused. GRADC_UPDATE=1 records anew what has a
recording or is new and small, and GRADC_LIVE=1 has Keras run in any case, as it does for what has no recording.
"""
import hashlib
import importlib.metadata
import io
import os
import pathlib
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).parent
LARGEST = 300_000  # bytes of a recording, which are in git for ever


def key_of(script, inputs):
    """A hash of all that decides what a script writes, but for last bits that differ from CPU to CPU."""
    key = hashlib.sha256(" ".join(name + "==" + importlib.metadata.version(name) for name in ("keras", "jax", "jaxlib")).encode())
    for path in (HERE / "train.py", script, *inputs):
        key.update(path.read_bytes())
    return key.hexdigest() + "\n"


def pack(out, archive):
    """The same files give the same archive."""
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for path in [out] if out.is_file() else sorted(out.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(str(pathlib.Path("out") / path.relative_to(out)))
                entry.size = path.stat().st_size
                tar.addfile(entry, io.BytesIO(path.read_bytes()))


def unpack(archive, out):
    with tarfile.open(archive) as tar:
        for entry in tar:
            path = out / pathlib.Path(entry.name).relative_to("out")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tar.extractfile(entry).read())


def main():
    name, script, *inputs, out = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    archive, kept = HERE / "recorded" / (name + ".tar.xz"), HERE / "recorded" / (name + ".key")
    key = key_of(script, inputs)
    update, live = "GRADC_UPDATE" in os.environ, "GRADC_LIVE" in os.environ or not kept.exists()
    if live or update:
        subprocess.run([sys.executable, script, *inputs, out], check=True)
        if update:
            archive.parent.mkdir(exist_ok=True)
            pack(out, archive)
            kept.write_text(key)
            if archive.stat().st_size > LARGEST:
                archive.unlink()
                kept.unlink()
    elif kept.read_text() == key:
        unpack(archive, out)
    else:
        sys.exit(f"{archive} is of another script, input or version. Run this test with GRADC_UPDATE=1.")


if __name__ == "__main__":
    main()
