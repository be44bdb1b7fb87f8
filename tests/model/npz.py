"""Writes .npz files as NumPy does, and broken ones, into a folder.      npz.py FOLDER"""

import pathlib
import struct
import sys
import warnings
import zipfile

import numpy as np

folder = pathlib.Path(sys.argv[1])
x = np.arange(12, dtype=np.float32).reshape(4, 3) / 16
y = np.array([0, 2, 1, 1])
objects = np.array([1, "text"], dtype=object)


def patched(name, of, *patches):
    """A file with bytes from an offset behind the last place of a signature on replaced."""
    data = bytearray((folder / of).read_bytes())
    for signature, offset, bytes_ in patches:
        at = data.rindex(signature) + offset
        data[at : at + len(bytes_)] = bytes_
    (folder / name).write_bytes(data)


def archive(name, members, **options):
    with zipfile.ZipFile(folder / name, "w", **options) as file:
        for member, content in members:
            file.writestr(member, content)


np.savez(folder / "pair.npz", x=x, y=y)
np.savez_compressed(folder / "keras.npz", x_train=(16 * x).astype(np.uint8), y_train=y, x_test=np.zeros((2, 3), np.uint8), y_test=y[:2])
np.savez_compressed(folder / "train.npz", x_train=x, y_train=y)
np.savez(folder / "own.npz", **{"in/put": x, "output": y, "x": 1 + x, "y_train": 0 * y, "notes": objects})
np.savez(folder / "kinds.npz", x=np.asfortranarray(x.astype(np.float64)), y=y.astype(">u2"))
np.savez_compressed(folder / "zeros.npz", x=np.zeros((1000, 1000), np.float32), y=np.zeros(1000, np.int32))
np.savez(folder / "inputs.npz", a=x[:, :2], b=x[:, 1:], ignored=objects)
np.savez(folder / "labels.npz", sum=x[:, :1], twice=x[:, :2], ignored=x)
np.savez(folder / "all.npz", a=x[:, :2], b=x[:, 1:], sum=x[:, :1], twice=x[:, :2], ignored=objects)
np.savez(folder / "unnamed.npz", x, y)

limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 0
np.savez(folder / "zip64.npz", x=x, y=y)
zipfile.ZIP64_LIMIT = limit

np.savez(folder / "objects.npz", x=objects, y=y[:2])
archive("text.npz", [("x.npy", "not an array"), ("y.npy", "")])
archive("other.npz", [("x.txt", "1 2 3")])
archive("empty.npz", [])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    archive("twice.npz", [("x.npy", "1"), ("x.npy", "2")])
archive("bzip2.npz", [("x.npy", (folder / "pair.npz").read_bytes())], compression=zipfile.ZIP_BZIP2)
(folder / "nothing.npz").write_bytes(b"")
np.save(folder / "array.npy", x)
(folder / "array.npy").rename(folder / "array.npz")
whole = (folder / "pair.npz").read_bytes()
for size in range(0, len(whole), 23):
    (folder / f"cut_{size}.npz").write_bytes(whole[:size])
only = (("x", x),)
np.savez(folder / "stored.npz", **dict(only))
np.savez_compressed(folder / "deflated.npz", **dict(only))
local, central = b"PK\x03\x04", b"PK\x01\x02"
for kind in ("stored", "deflated"):
    patched(f"{kind}_flipped.npz", f"{kind}.npz", (b"\x93NUMPY" if kind == "stored" else local, 100, b"\xff\xff"))
    patched(f"{kind}_encrypted.npz", f"{kind}.npz", (local, 6, b"\x01"), (central, 8, b"\x01"))
    patched(f"{kind}_huge.npz", f"{kind}.npz", (central, 24, struct.pack("<I", 0xFFFFFFF0)))
    patched(f"{kind}_far.npz", f"{kind}.npz", (central, 20, struct.pack("<I", 0xFFFFFFF0)))
    patched(f"{kind}_longer.npz", f"{kind}.npz", (central, 24, struct.pack("<I", 177)))
    patched(f"{kind}_shorter.npz", f"{kind}.npz", (central, 24, struct.pack("<I", 175)))
